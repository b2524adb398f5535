import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_tables import removal_table, shapley_table

from istar.executors.statistician.arithmetic import Arithmetic
from istar.executors.statistician.design.bundles import BundlePrices, draw_candidates, partner_arms
from istar.executors.statistician.design.greedy import affordable_prefix, arm_weight, greedy_rows, paired_order
from istar.executors.statistician.design.stopping import StoppingRule
from istar.executors.statistician.table_model.process import Hyperparameters, Process, kernels_of
from istar.truth.effects.components import model_space


@pytest.fixture(scope="module")
def game():
    table = shapley_table(0, players=4, queries=6)
    space = model_space(table.question.structure, table.question.functional)
    beliefs = Hyperparameters(
        np.zeros(len(space.fixed_names)), np.eye(len(space.fixed_names)), dict.fromkeys(space.names, 0.5)
    )
    process = Process(space.grid, kernels_of(space, beliefs), Arithmetic())
    weights = space.grid.spread(table.question.functional.weights(table.question.structure))
    return table, process, weights


def test_a_coalitions_partner_is_its_complement(game):
    table, process, weights = game
    grid = process.grid
    switches = np.stack([column.array for column in table.question.structure.of("switch")], axis=1)
    member = np.zeros((grid.arms, 4))
    member[grid.arm] = switches
    np.testing.assert_array_equal(member[partner_arms(weights)], 1 - member)


def test_a_removals_partner_is_the_full_run():
    table = removal_table(0)
    space = model_space(table.question.structure, table.question.functional)
    partner = partner_arms(space.grid.spread(table.question.functional.weights(table.question.structure)))
    context, removed = (table.question.structure.levels(name) for name in ("context", "removed"))
    for arm in range(space.grid.arms):
        row, mate = space.grid.row[arm, 0], space.grid.row[partner[arm], 0]
        if removed[row] > 0:
            assert removed[mate] == 0
            assert context[mate] == context[row]


def test_expected_gain_is_what_conditioning_gives(game):
    table, process, weights = game
    observed = np.zeros((16, 6), dtype=bool)
    observed[3, :2] = True
    nothing = np.zeros((16, 6))
    posterior = process.condition(observed, nothing)
    bought = process.grid.gather(observed)
    rows, gain = greedy_rows(
        posterior, weights, table.prices, bought, bought, int(0.3 * table.prices.total), np.random.default_rng(0)
    )
    after = bought.copy()
    after[rows] = True
    later = process.condition(process.grid.spread(after), nothing)
    before = posterior.linear(weights).variance.sum()
    assert gain == pytest.approx(before - later.linear(weights).variance.sum(), rel=1e-4)
    assert len(np.unique(rows)) == len(rows)
    assert not bought[rows].any()


def test_greedy_beats_random_rows_at_the_same_price(game):
    table, process, weights = game
    nothing, none = np.zeros((16, 6)), np.zeros(96, dtype=bool)
    allowance = int(0.15 * table.prices.total)

    def remaining(rows):
        mask = none.copy()
        mask[rows] = True
        return process.condition(process.grid.spread(mask), nothing).linear(weights).variance.sum()

    prior = process.condition(np.zeros((16, 6), dtype=bool), nothing)
    greedy, _ = greedy_rows(prior, weights, table.prices, none, none, allowance, np.random.default_rng(0))
    generator = np.random.default_rng(1)
    chance = [remaining(affordable_prefix(table.prices, none, generator.permutation(96), allowance)) for _ in range(10)]
    assert remaining(greedy) < 0.8 * np.mean(chance)


def test_bundle_prices_are_the_bills(game):
    table, process, weights = game
    generator = np.random.default_rng(3)
    bought = generator.random(96) < 0.1
    bill = table.prices.bill()
    bill.buy(np.flatnonzero(bought))
    grid = process.grid
    candidates = draw_candidates(
        grid, grid.spread(~bought), partner_arms(weights), arm_weight(weights), generator, limit=40
    )
    prices = BundlePrices(table.prices, bought, candidates)
    for _ in range(2):
        for bundle, price in zip(candidates.bundles, prices.now(), strict=True):
            expected = [bill.price(candidates.rows[cells]) for cells in bundle]
            np.testing.assert_array_equal(price.astype(np.int64), expected)
        prices.buy(candidates.bundles[-1][0])
        bill.buy(candidates.rows[candidates.bundles[-1][0]])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.0, 1.0))
def test_affordable_prefix_is_the_longest(game, seed, share):
    table, _, _ = game
    generator = np.random.default_rng(seed)
    bought = generator.random(96) < 0.2
    order = generator.permutation(np.flatnonzero(~bought))
    bill = table.prices.bill()
    bill.buy(np.flatnonzero(bought))
    allowance = int(share * table.prices.total)
    prefix = affordable_prefix(table.prices, bought, order, allowance)
    np.testing.assert_array_equal(prefix, order[: len(prefix)])
    assert bill.price(prefix) <= allowance
    if len(prefix) < len(order):
        assert bill.price(order[: len(prefix) + 1]) > allowance


def test_paired_order_buys_pairs_over_the_same_replicates(game):
    _, process, weights = game
    grid = process.grid
    order = paired_order(grid, np.ones((16, 6), dtype=bool), weights, 3, np.random.default_rng(0))
    assert sorted(order) == list(range(96))
    first = order[:6]
    assert len(np.unique(grid.arm[first])) == 2
    assert len(np.unique(grid.replicate[first])) == 3


def test_stops_where_the_curve_is_flat_and_not_before():
    rule = StoppingRule(10**6)
    shares = 2.0 ** (np.arange(-16, 1) / 2)
    stopped = [rule.should_stop(int(share * 10**6), 0.004 / share) for share in shares]
    first = stopped.index(True)
    # the slope of skill = 1 - 0.004 / share is 0.004 / share^2, which is 1 at share = 0.063
    assert shares[first - 1] < 0.0633 <= shares[first] * 1.05
