"""The one model of fidelity: levels, slopes, priors, evidence, and the table given channels."""

import numpy as np
import pytest
from synthetic_tables import MAKERS

from istar.executors.statistician.arithmetic import Arithmetic
from istar.executors.statistician.fidelity.cokriging import InformedProcess
from istar.executors.statistician.fidelity.level_model import LevelModel
from istar.executors.statistician.fidelity.levels import Levels, cleaned
from istar.executors.statistician.fidelity.listening import Listener, appraise
from istar.executors.statistician.fidelity.prior import FidelityPrior
from istar.executors.statistician.fidelity.regression import Sums, slopes
from istar.executors.statistician.settings import CLIP, MOST_Z
from istar.executors.statistician.table_model.priors import pool
from istar.executors.statistician.table_model.process import Process, kernels_of
from istar.truth.effects.components import model_space
from istar.truth.effects.grid import grid_of
from istar.truth.effects.records import effects_of

QUESTIONS = 5
LEVELS = {}
"""The levels of questions, by their grids."""


@pytest.fixture(scope="module", params=["shapley", "subsets"])
def family(request):
    """Tables of one task, and of each the level model, the process and the prior mean by the others."""
    tables = [MAKERS[request.param](index) for index in range(QUESTIONS)]
    records = [effects_of(table.question, table.values) for table in tables]
    found = []
    for table in tables:
        space = model_space(table.question.structure, table.question.functional)
        beliefs = pool(records, table.question.hash).hyperparameters(space.fixed_names)
        kernels = kernels_of(space, beliefs)
        weights = table.question.functional.weights(table.question.structure)
        process = Process(space.grid, kernels, Arithmetic())
        found.append((table, LevelModel(space, beliefs, kernels, space.grid.spread(weights)), process))
    return found


def expected_of(process):
    return process.grid.gather(process.prior_mean)


def learned(family, make, leave_out=0):
    """What a method taught on all questions but one."""
    appraisals = []
    for place, (table, model, process) in enumerate(family):
        if place != leave_out:
            grid, left = process.grid, np.array([[0.01, 1.0], [1.0, 0.0]])
            channels = make(table.values, grid, np.random.default_rng(place))
            prices = np.array([0.01])
            appraisals.append(
                appraise(table.question.hash, channels, table.values, expected_of(process), model.levels, prices, left)
            )
    return FidelityPrior.learn(appraisals)


def heard(family, prior, make, bought, question=0):
    table, model, process = family[question]
    channels = make(table.values, process.grid, np.random.default_rng(100 + question))
    mask = np.zeros(len(table.values), dtype=bool)
    mask[np.random.default_rng(0).permutation(len(mask))[:bought]] = True
    listener = Listener(model, prior, expected_of(process), Arithmetic(), process.scale_weight)
    signals, fidelity = listener.hear(channels, np.where(mask, table.values, np.nan), mask)
    return table, process, model, mask, signals, fidelity


def truth(values, grid, generator):
    return values[:, None]


def noise(values, grid, generator):
    return generator.standard_normal((len(values), 2))


def flipped(values, grid, generator):
    return 7 - 1000 * values[:, None]


def one_of_many(values, grid, generator):
    channels = generator.standard_normal((len(values), 16))
    channels[:, 5] = values + 0.1 * values.std() * generator.standard_normal(len(values))
    return channels


def replicates_only(values, grid, generator):
    means = np.bincount(grid.replicate, values) / np.bincount(grid.replicate)
    return means[grid.replicate][:, None]


def test_levels_add_up_to_the_column_and_are_orthogonal(family):
    table, model, process = family[0]
    levels = Levels.of(process.grid, None, model.levels.covariance, 0.0)
    parts = levels.split(table.values[:, None], np.ones(len(table.values), dtype=bool))
    rows = [levels.at_rows(level, part[:, 0]) for level, part in parts.items()]
    np.testing.assert_allclose(sum(rows), table.values - table.values.mean(), atol=1e-9)
    products = np.stack(rows) @ np.stack(rows).T
    assert np.abs(products - np.diag(np.diag(products))).max() < 1e-6 * np.trace(products)


def test_contrasts_are_what_the_answer_consists_of(family):
    """They add up to the arms together with the rest, decide the answer, and are independent of the rest a priori."""
    table, model, process = family[0]
    grid, levels, every = process.grid, model.levels, np.ones(len(table.values), dtype=bool)
    assert model.names == ("contrasts", "arms", "replicates", "cells")
    parts = levels.split(table.values[:, None], every)
    rows = {level: levels.at_rows(level, part[:, 0]) for level, part in parts.items()}
    np.testing.assert_allclose(sum(rows.values()), table.values - table.values.mean(), atol=1e-9)
    weights = table.question.functional.weights(table.question.structure)
    np.testing.assert_allclose(weights @ rows["contrasts"], weights @ table.values, atol=1e-9)
    np.testing.assert_allclose(levels.into @ levels.back, np.eye(len(levels.into)), atol=1e-6)
    np.testing.assert_allclose(levels.into @ levels.covariance @ levels.into.T, np.eye(len(levels.into)), atol=1e-6)
    rest = np.eye(grid.arms) - levels.back @ levels.into
    np.testing.assert_allclose(levels.into @ levels.covariance @ rest.T, 0, atol=1e-6)
    half = grid.arm % 2 == 0
    assert np.isfinite(levels.split(table.values[:, None], half)["contrasts"]).all()
    shares = [model.covered("contrasts", known)[0] for known in (half, grid.replicate % 2 == 0, every)]
    assert 0 < shares[0] < 1
    assert 0 < shares[1] < 1
    assert shares[2] == 1


def contrasts_only(values, grid, generator):
    """What is right about all that is asked, and wrong about everything else."""
    levels = LEVELS[id(grid)]
    parts = levels.split(values[:, None], np.ones(len(values), dtype=bool))
    wrong = levels.split(generator.standard_normal((len(values), 1)), np.ones(len(values), dtype=bool))
    noise = levels.at_rows("arms", wrong["arms"])[:, 0]
    return levels.at_rows("contrasts", parts["contrasts"]) + 3 * values.std() * (noise / noise.std())[:, None]


def test_a_method_that_knows_what_is_asked_and_nothing_else_is_believed_in_that(family):
    LEVELS.update({id(process.grid): model.levels for _, model, process in family})
    prior = learned(family, contrasts_only)
    table, process, model, mask, signals, fidelity = heard(family, prior, contrasts_only, 12)
    assert fidelity.left[0] < 0.2
    assert fidelity.left[1] > 0.8
    grid, functional, structure = process.grid, table.question.functional, table.question.structure
    found = InformedProcess(process, model, signals, fidelity).condition(grid.spread(mask), grid.spread(table.values))
    before = process.condition(grid.spread(mask), grid.spread(table.values))
    lost = [
        functional.loss(functional.answer(grid.gather(each.mean), structure), table.values, structure)
        for each in (found, before)
    ]
    assert lost[0] < 0.3 * lost[1]


def test_a_stream_has_cells_alone(family):
    from istar.questions import Column, Structure

    stream = grid_of(Structure((Column("row", "arm", tuple(map(float, range(30)))),)))
    assert Levels.of(stream, None, np.zeros((1, 1)), 0.0).names == ("cells",)


def test_channels_are_cleaned_whatever_their_size():
    generator = np.random.default_rng(0)
    channels = np.stack([np.ones(50), 1e30 * generator.standard_normal(50), generator.standard_normal(50)], axis=1)
    channels[3, 2], channels[4] = 1e9, np.nan
    clean, unit = cleaned(channels)
    assert np.isnan(clean[4]).all()
    known = np.delete(clean, 4, axis=0)
    assert (known[:, 0] == 0).all()
    assert np.abs(known).max() <= CLIP
    np.testing.assert_allclose(unit[1], channels[np.arange(50) != 4, 1].std())


def test_one_good_channel_is_found_among_many_by_few_units():
    generator = np.random.default_rng(1)
    values = generator.standard_normal(20)
    channels = generator.standard_normal((20, 16))
    channels[:, 3] = values
    features, _ = cleaned(channels)
    found = slopes(Sums.of(np.column_stack([features, np.zeros(20)]), values))
    assert found[3] == pytest.approx(values.std(), abs=0.02)
    assert np.abs(np.delete(found, 3)).max() < 0.02


def test_the_slope_of_the_prior_mean_is_that_of_something_held_in_channels():
    generator = np.random.default_rng(2)
    mean, beyond = generator.standard_normal(200), generator.standard_normal(200)
    held = slopes(Sums.of(np.column_stack([mean + beyond, np.sign(mean + beyond), mean]), beyond))
    np.testing.assert_allclose(held, [1, 0, -1], atol=0.01)
    apart = slopes(Sums.of(np.column_stack([generator.standard_normal((200, 2)), mean]), beyond + 3 * mean))
    assert -1 <= apart[-1] <= 0


def test_sums_of_questions_add_up(family):
    generator = np.random.default_rng(3)
    first, second = generator.standard_normal((2, 30, 5))
    values = generator.standard_normal((2, 30))
    both = Sums.of(first, values[0]) + Sums.of(second, values[1])
    whole = Sums.of(np.concatenate([first, second]), np.concatenate(values))
    np.testing.assert_allclose(both.inner, whole.inner)
    np.testing.assert_allclose(slopes(both), slopes(whole))


@pytest.mark.parametrize("make", [truth, flipped])
def test_the_truth_is_known_for_it_on_any_scale(family, make):
    prior = learned(family, make)
    for each in prior.levels.values():
        assert each.z > MOST_Z / 2
    *_, fidelity = heard(family, prior, make, 12)
    assert (fidelity.left < 0.01).all()


def test_noise_is_known_for_it(family):
    prior = learned(family, noise)
    model = family[1][1]
    units = {"contrasts": len(model.levels.into), "arms": model.grid.arms, "replicates": model.grid.replicates}
    for level, each in prior.levels.items():
        assert units.get(level, np.inf) < 10 or each.z < 0.2
    *_, fidelity = heard(family, prior, noise, 30)
    assert (fidelity.left > 0.9).all()


def test_a_stranger_is_believed_after_a_handful_of_rows_if_it_is_right(family):
    stranger = FidelityPrior.learn(())
    assert not stranger.known
    assert (heard(family, stranger, truth, 0)[-1].left > 0.5).all()
    *_, fidelity = heard(family, stranger, truth, 16)
    assert fidelity.left[0] < 0.3  # few rows tell little of contrasts themselves
    assert (fidelity.left[1:] < 0.1).all()
    *_, fidelity = heard(family, stranger, one_of_many, 32)
    assert fidelity.left.min() < 0.3


def test_a_stranger_of_noise_is_not(family):
    *_, fidelity = heard(family, FidelityPrior.learn(()), noise, 40)
    assert (fidelity.left > 0.8).all()


def test_channels_that_know_replicates_alone_are_believed_at_that_level_alone(family):
    prior = learned(family, replicates_only)
    place = family[0][1].names.index("replicates")
    *_, fidelity = heard(family, prior, replicates_only, 30)
    assert fidelity.left[place] < 0.2
    assert np.delete(fidelity.left, place).min() > 0.8


def test_a_method_that_fails_here_is_given_up_though_it_was_good_elsewhere(family):
    prior = learned(family, truth)
    *_, fidelity = heard(family, prior, lambda values, grid, generator: noise(values, grid, generator)[:, :1], 40)
    assert (fidelity.left > 0.8).all()


def test_the_table_given_the_truth_is_the_truth(family):
    prior = learned(family, truth)
    table, process, model, mask, signals, fidelity = heard(family, prior, truth, 12)
    informed = InformedProcess(process, model, signals, fidelity)
    grid = process.grid
    values = grid.spread(np.where(mask, table.values, 0.0))
    known = informed.condition(grid.spread(mask), values)
    apart = grid.gather(known.mean) - table.values
    assert apart.std() < 0.1 * table.values.std()
    before = process.condition(grid.spread(mask), values)
    assert known.variance().mean() < 0.05 * before.variance().mean()


def test_channels_of_some_rows_leave_the_others_as_they_were(family):
    prior = learned(family, truth)
    table, model, process = family[0]
    grid = process.grid
    channels = np.where((grid.arm % 2 == 0)[:, None], table.values[:, None], np.nan)
    listener = Listener(model, prior, expected_of(process), Arithmetic(), process.scale_weight)
    nothing = np.zeros(len(table.values), dtype=bool)
    signals, fidelity = listener.hear(channels, table.values, nothing)
    informed = InformedProcess(process, model, signals, fidelity)
    nowhere = np.zeros_like(grid.present)
    after = grid.gather(informed.condition(nowhere, np.zeros(nowhere.shape)).variance())
    before = grid.gather(process.condition(nowhere, np.zeros(nowhere.shape)).variance())
    even = grid.arm % 2 == 0
    assert after[even].mean() < 0.75 * before[even].mean()
    # other arms are foretold as far as they go with those that were heard
    assert after[even].mean() / before[even].mean() < 1.02 * after[~even].mean() / before[~even].mean()


@pytest.mark.parametrize(
    "make",
    [
        lambda values, grid, generator: np.ones((len(values), 2)),
        lambda values, grid, generator: np.tile(values[:, None], 3),
        lambda values, grid, generator: values[:, None] * np.array([1e30, 1e-30]),
        lambda values, grid, generator: np.where(np.arange(len(values)) % 3 == 0, np.nan, values)[:, None],
    ],
    ids=["constant", "collinear", "huge and tiny", "partly unknown"],
)
def test_odd_channels_give_finite_beliefs(family, make):
    for prior in (learned(family, make), FidelityPrior.learn(())):
        table, process, model, mask, signals, fidelity = heard(family, prior, make, 20)
        informed = InformedProcess(process, model, signals, fidelity)
        grid = process.grid
        found = informed.condition(grid.spread(mask), grid.spread(np.where(mask, table.values, 0.0)))
        assert np.isfinite(found.mean).all()
        assert np.isfinite(found.variance()).all()
        np.testing.assert_allclose(fidelity.weights.sum(), 1.0)
