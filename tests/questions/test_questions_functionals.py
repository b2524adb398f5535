import json
from itertools import combinations, permutations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr

from istar.errors import UnknownNameError
from istar.questions import (
    BestArmMean,
    Column,
    DatamodelEffects,
    FunctionalError,
    RemovalEffects,
    ShapleyValues,
    Structure,
    UpperTail,
    functional_from_json,
)

values = st.floats(-10, 10, allow_nan=False, width=32)


def subset_structure(players, replicates=1, order=None):
    """One row for each coalition and replicate; player i is on where bit i of the coalition is set."""
    rows = [(coalition, replicate) for coalition in range(2**players) for replicate in range(replicates)]
    if order is not None:
        rows = [rows[place] for place in order]
    columns = [
        Column(f"player{player}", "switch", tuple(float(coalition >> player & 1) for coalition, _ in rows))
        for player in range(players)
    ]
    return Structure((*columns, Column("query", "nuisance", tuple(float(replicate) for _, replicate in rows))))


@st.composite
def games(draw, most=5):
    players = draw(st.integers(1, most))
    return players, draw(arrays(np.float64, 2**players, elements=values))


def shapley_by_permutations(players, game):
    """The definition: mean marginal contribution over all orders of arrival."""
    total = np.zeros(players)
    for order in permutations(range(players)):
        coalition = 0
        for player in order:
            total[player] += game[coalition | 1 << player] - game[coalition]
            coalition |= 1 << player
    return total / factorial(players)


class TestShapleyValues:
    @given(games())
    def test_equal_the_mean_over_orders_of_arrival(self, game):
        players, payoff = game
        answer = ShapleyValues().answer(payoff, subset_structure(players))
        np.testing.assert_allclose(answer, shapley_by_permutations(players, payoff), atol=1e-9)

    @settings(max_examples=30)
    @given(games(most=7))
    def test_equal_shapiqs_exact_values(self, game):
        from shapiq import ExactComputer

        players, payoff = game

        def value(coalitions):
            return payoff[(np.atleast_2d(coalitions) << np.arange(players)).sum(1)]

        exact = ExactComputer(value, players)(index="SV", order=1)
        expected = [exact[(player,)] for player in range(players)]
        np.testing.assert_allclose(ShapleyValues().answer(payoff, subset_structure(players)), expected, atol=1e-8)

    @given(games(most=7))
    def test_efficiency(self, game):
        players, payoff = game
        answer = ShapleyValues().answer(payoff, subset_structure(players))
        assert answer.sum() == pytest.approx(payoff[-1] - payoff[0], abs=1e-8)

    @given(games(), st.data())
    def test_symmetric_players_are_equal(self, game, data):
        players, payoff = game
        first, second = data.draw(st.integers(0, players - 1)), data.draw(st.integers(0, players - 1))
        mirrored = payoff.copy()
        for coalition in range(2**players):
            has_first, has_second = coalition >> first & 1, coalition >> second & 1
            if has_first != has_second:
                mirrored[coalition] = payoff[coalition ^ (1 << first) ^ (1 << second)]
        answer = ShapleyValues().answer((payoff + mirrored) / 2, subset_structure(players))
        assert answer[first] == pytest.approx(answer[second], abs=1e-9)

    @given(games(), st.data())
    def test_a_null_player_gets_nothing_and_a_dummy_its_own_worth(self, game, data):
        players, payoff = game
        player, worth = data.draw(st.integers(0, players - 1)), data.draw(values)
        without = np.array([payoff[coalition & ~(1 << player)] for coalition in range(2**players)])
        member = np.array([coalition >> player & 1 for coalition in range(2**players)])
        assert ShapleyValues().answer(without, subset_structure(players))[player] == pytest.approx(0, abs=1e-9)
        dummy = ShapleyValues().answer(without + worth * member, subset_structure(players))[player]
        assert dummy == pytest.approx(worth, abs=1e-8)

    @given(games(most=3), st.integers(1, 3), st.randoms())
    def test_replicates_are_averaged_whatever_the_order_of_rows(self, game, replicates, random):
        players, payoff = game
        noise = np.random.default_rng(0).normal(size=(len(payoff), replicates))
        noise -= noise.mean(1, keepdims=True)
        order = list(range(len(payoff) * replicates))
        random.shuffle(order)
        column = (payoff[:, None] + noise).reshape(-1)[order]
        answer = ShapleyValues().answer(column, subset_structure(players, replicates, order))
        np.testing.assert_allclose(answer, shapley_by_permutations(players, payoff), atol=1e-8)

    def test_a_missing_coalition_is_an_error(self):
        structure = subset_structure(3).take(np.array([0, 1, 2, 4, 5, 6, 7]))
        with pytest.raises(FunctionalError, match="no row belongs to level 3 of 8"):
            ShapleyValues().answer(np.zeros(7), structure)

    def test_a_structure_without_switches_is_an_error(self):
        with pytest.raises(FunctionalError, match="need switch columns, one a player"):
            ShapleyValues().answer(np.zeros(2), Structure((Column("query", "nuisance", (0, 1)),)))


class TestRemovalEffects:
    UNIT = (0, 0, 0, 0, 0, 0, 7, 7, 7)
    REMOVED = (0, 1, 2, 0, 1, 2, 1, 0, 3)
    STRUCTURE = Structure((Column("unit", "arm", UNIT), Column("removed", "arm", REMOVED)))

    @given(arrays(np.float64, 9, elements=values))
    def test_full_mean_minus_mean_without_each_part(self, column):
        expected = []
        for unit in (0, 7):
            cells = {}
            for owner, part, value in zip(self.UNIT, self.REMOVED, column, strict=True):
                if owner == unit:
                    cells.setdefault(part, []).append(value)
            full = sum(cells[0]) / len(cells[0])
            expected += [full - sum(cells[part]) / len(cells[part]) for part in sorted(cells) if part]
        answer = RemovalEffects("unit", "removed").answer(column, self.STRUCTURE)
        np.testing.assert_allclose(answer, expected, atol=1e-9)

    def test_a_unit_without_a_full_run_is_an_error(self):
        structure = self.STRUCTURE.take(np.array([0, 1, 6]))
        with pytest.raises(FunctionalError, match="unit 7 has no full run"):
            RemovalEffects("unit", "removed").answer(np.zeros(3), structure)


def datamodel_structure(generator, subsets, switches, replicates=2):
    present = generator.integers(0, 2, size=(subsets, switches)).astype(float)
    present[:switches] = np.eye(switches)
    rows = np.repeat(np.arange(subsets), replicates)
    columns = [Column("subset", "arm", tuple(rows.astype(float)))]
    columns += [Column(f"part{part}", "switch", tuple(present[rows, part])) for part in range(switches)]
    return Structure(tuple(columns)), present, rows


class TestDatamodelEffects:
    @given(st.integers(0, 2**32))
    def test_slopes_are_those_of_a_least_squares_fit(self, seed):
        generator = np.random.default_rng(seed)
        structure, present, rows = datamodel_structure(generator, 14, 4)
        column = generator.normal(size=len(rows))
        mean = np.array([column[rows == subset].mean() for subset in range(14)])
        design = np.column_stack([np.ones(10), present[:10]])
        slopes = np.linalg.lstsq(design, mean[:10], rcond=None)[0][1:]
        answer = DatamodelEffects("subset", 4).answer(column, structure)
        np.testing.assert_allclose(answer, slopes, atol=1e-8)

    @given(st.integers(0, 2**32))
    def test_the_score_is_the_rank_correlation_on_held_out_subsets(self, seed):
        generator = np.random.default_rng(seed)
        structure, present, rows = datamodel_structure(generator, 20, 3)
        column, effects = generator.normal(size=len(rows)), generator.normal(size=3)
        mean = np.array([column[rows == subset].mean() for subset in range(20)])
        predicted = np.round(present[-8:] @ effects, 12)
        expected = spearmanr(predicted, mean[-8:]).statistic if np.ptp(predicted) else 0.0
        assert DatamodelEffects("subset", 8).score(effects, column, structure) == pytest.approx(expected, abs=1e-9)

    def test_the_loss_is_zero_at_the_truth_and_what_the_score_lacks_elsewhere(self):
        generator = np.random.default_rng(1)
        structure, present, rows = datamodel_structure(generator, 40, 4)
        column = (present @ np.array([3.0, -1.0, 0.5, 2.0]))[rows] + generator.normal(scale=0.1, size=len(rows))
        functional = DatamodelEffects("subset", 16)
        truth = functional.answer(column, structure)
        assert functional.loss(truth, column, structure) == 0
        assert functional.loss(np.zeros(4), column, structure) == functional.score(truth, column, structure) > 0.8
        assert functional.loss(-truth, column, structure) > functional.loss(np.zeros(4), column, structure)

    def test_too_few_subsets_are_an_error(self):
        structure, _, rows = datamodel_structure(np.random.default_rng(0), 8, 4)
        with pytest.raises(FunctionalError, match="8 subsets with 4 held out cannot determine 4 effects"):
            DatamodelEffects("subset", 4).answer(np.zeros(len(rows)), structure)


def arm_structure(arm, example):
    return Structure(
        (Column("prompt", "arm", tuple(arm.astype(float))), Column("example", "nuisance", tuple(example.astype(float))))
    )


class TestBestArmMean:
    @given(st.integers(1, 5), st.integers(2, 6), st.integers(0, 2**32))
    def test_chosen_on_even_examples_and_measured_on_odd_ones(self, arms, examples, seed):
        generator = np.random.default_rng(seed)
        grid = generator.normal(size=(arms, examples))
        order = generator.permutation(arms * examples)
        arm, example = np.divmod(order, examples)
        structure = Structure(
            (
                Column("prompt", "arm", tuple(arm.astype(float))),
                Column("example", "nuisance", tuple(example.astype(float))),
            )
        )
        choosing = [sum(grid[a, e] for e in range(0, examples, 2)) for a in range(arms)]
        best = choosing.index(max(choosing))
        measured = [grid[best, e] for e in range(1, examples, 2)]
        functional = BestArmMean("prompt", "example")
        column = grid.reshape(-1)[order]
        assert functional.answer(column, structure) == pytest.approx([sum(measured) / len(measured)])
        assert functional.loss(np.array([9.0]), column, structure) == pytest.approx(
            abs(9 - sum(measured) / len(measured))
        )

    def test_choice_and_measure_share_no_example(self):
        """Noise alone: the best of many arms looks good where it was chosen and not where it was not."""
        generator = np.random.default_rng(0)
        arm, example = np.divmod(np.arange(200 * 20), 20)
        structure = Structure(
            (
                Column("prompt", "arm", tuple(arm.astype(float))),
                Column("example", "nuisance", tuple(example.astype(float))),
            )
        )
        answers = [
            BestArmMean("prompt", "example").answer(generator.normal(size=4000), structure)[0] for _ in range(30)
        ]
        assert abs(np.mean(answers)) < 0.2  # the winner's curse would give about 0.87


class TestUpperTail:
    @given(st.lists(values, min_size=1, max_size=40), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
    def test_smallest_value_that_covers_the_level_and_the_mean_from_there(self, column, level):
        ordered = sorted(column)
        first = next(place for place, value in enumerate(ordered) if (place + 1) / len(ordered) >= level - 1e-12)
        answer = UpperTail(level).answer(np.array(column), Structure((Column("row", "covariate", tuple(column)),)))
        tail = ordered[first:]
        assert answer == pytest.approx([ordered[first], sum(tail) / len(tail)], abs=1e-5)

    def test_on_a_stream_of_a_thousand(self):
        structure = Structure((Column("row", "covariate", tuple(range(1000))),))
        column = np.random.default_rng(0).permutation(1000).astype(float)
        assert UpperTail(0.99).answer(column, structure).tolist() == [989.0, 994.0]
        assert UpperTail(0.99).loss(np.array([990.0, 992.0]), column, structure) == 1.5


STRUCTURES = {
    "shapley_values": (ShapleyValues(), subset_structure(3, 2)),
    "removal_effects": (RemovalEffects("unit", "removed"), TestRemovalEffects.STRUCTURE),
    "datamodel_effects": (
        DatamodelEffects("subset", 4),
        datamodel_structure(np.random.default_rng(0), 12, 3)[0],
    ),
    "best_arm_mean": (BestArmMean("player0", "query"), subset_structure(2, 4).take(np.arange(16))),
    "upper_tail": (UpperTail(0.9), subset_structure(3, 2)),
}


@pytest.mark.parametrize("kind", STRUCTURES)
class TestEveryFunctional:
    def structure(self, kind):
        functional, structure = STRUCTURES[kind]
        if kind == "best_arm_mean":
            columns = tuple(
                Column(column.name, "arm" if column.name == "player0" else column.role, column.values)
                for column in structure.columns
            )
            structure = Structure(columns)
        return functional, structure

    def test_leading_axes_are_mapped_through(self, kind):
        functional, structure = self.structure(kind)
        draws = np.random.default_rng(0).normal(size=(2, 3, structure.rows))
        together = functional.answer(draws, structure)
        for i in range(2):
            for j in range(3):
                np.testing.assert_allclose(together[i, j], functional.answer(draws[i, j], structure), atol=1e-12)

    def test_the_loss_is_zero_at_the_truth_and_not_negative(self, kind):
        functional, structure = self.structure(kind)
        column = np.random.default_rng(1).normal(size=structure.rows)
        truth = functional.answer(column, structure)
        assert functional.loss(truth, column, structure) == pytest.approx(0, abs=1e-12)
        assert functional.loss(-truth - 1, column, structure) >= 0

    def test_stated_weights_are_the_answer(self, kind):
        functional, structure = self.structure(kind)
        column = np.random.default_rng(2).normal(size=structure.rows)
        weights = functional.weights(structure)
        if weights is not None:
            np.testing.assert_allclose(weights @ column, functional.answer(column, structure), atol=1e-12)

    def test_json_round_trip(self, kind):
        functional, _ = self.structure(kind)
        assert functional_from_json(json.loads(json.dumps(functional.to_json()))) == functional
        assert hash(functional) == hash(functional_from_json(functional.to_json()))


def test_an_unknown_kind_names_the_known_ones():
    with pytest.raises(UnknownNameError, match="'shaply_values'; did you mean 'shapley_values'"):
        functional_from_json({"kind": "shaply_values"})


def test_a_pair_of_players_shares_what_it_makes_together():
    """Gloves: players 0 and 1 hold left gloves, player 2 the right one; a pair is worth 1 (Shapley, 1953)."""
    payoff = np.zeros(8)
    for size in (2, 3):
        for members in combinations(range(3), size):
            if 2 in members:
                payoff[sum(1 << member for member in members)] = 1.0
    np.testing.assert_allclose(ShapleyValues().answer(payoff, subset_structure(3)), [1 / 6, 1 / 6, 4 / 6])
