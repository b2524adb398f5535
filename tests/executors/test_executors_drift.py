"""Channels that move what is expected of rows, against dense linear algebra and known slopes."""

import numpy as np
import pytest
from istar.executors.statistician.fidelity.drift import Drift, DriftingProcess, LevelDrift, LevelSums, split_levels
from synthetic_tables import shapley_table

from istar.executors.statistician.arithmetic import Arithmetic
from istar.executors.statistician.table_model.process import Hyperparameters, Process, kernels_of
from istar.truth.effects.components import model_space
from istar.truth.effects.grid import Grid

ARMS, REPLICATES = 16, 5


@pytest.fixture(scope="module")
def case():
    table = shapley_table(0, players=4, queries=REPLICATES)
    space = model_space(table.question.structure, table.question.functional)
    generator = np.random.default_rng(1)
    variances = {name: float(generator.random() + 0.1) for name in space.names}
    effects = len(space.fixed_names)
    beliefs = Hyperparameters(generator.normal(size=effects), np.diag(generator.random(effects)), variances)
    observed = generator.random((ARMS, REPLICATES)) < 0.3
    observed[:, 3] = False
    return space, beliefs, observed, generator.normal(size=(ARMS, REPLICATES))


def full_grid(arms, replicates):
    cells = np.arange(arms * replicates)
    return Grid(cells // replicates, cells % replicates, cells.reshape(arms, replicates))


def dense(case, known, of_arms, of_cells, drift):
    """The drifting belief as one big Gaussian over cells, given the observed ones."""
    space, beliefs, observed, values = case
    kernels = kernels_of(space, beliefs)
    heard = known.any(1)
    features = space.fixed.reshape(ARMS * REPLICATES, -1)
    move = (of_arms + of_cells).reshape(-1)
    mean = features @ beliefs.fixed_mean + move
    covariance = features @ beliefs.fixed_covariance @ features.T
    for part, looseness in ((of_arms, drift.arms.looseness), (of_cells, drift.cells.looseness)):
        covariance += looseness**2 * np.outer(part.reshape(-1), part.reshape(-1))
    shrink = np.where(heard, np.sqrt(drift.arms.left), 1.0)
    covariance += np.kron(kernels.common * np.outer(shrink, shrink), np.ones((REPLICATES, REPLICATES)))
    level = beliefs.variances["own.replicate"]
    cell = np.where(known, np.sqrt(drift.cells.left), 1.0).reshape(-1)
    own = np.kron(kernels.own - level, np.eye(REPLICATES)) * np.outer(cell, cell)
    covariance += own + level * np.kron(np.ones((ARMS, ARMS)), np.eye(REPLICATES))
    seen = observed.reshape(-1)
    gain = covariance[:, seen] @ np.linalg.inv(covariance[np.ix_(seen, seen)])
    return mean + gain @ (values.reshape(-1)[seen] - mean[seen]), covariance - gain @ covariance[seen]


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_drift_equals_a_dense_gaussian(case, everywhere):
    space, beliefs, observed, values = case
    known = np.ones((ARMS, REPLICATES), dtype=bool)
    if not everywhere:
        known[8:] = known[:, 3:] = False
    said = np.where(known, np.random.default_rng(5).normal(size=known.shape), np.nan)
    drift = Drift(LevelDrift(np.array([2.0]), 0.0, left=0.3, looseness=0.5), LevelDrift(np.array([0.7]), 0.0, 0.6, 0.4))
    prior = Process(space.grid, kernels_of(space, beliefs), Arithmetic())
    channels = space.grid.gather(said)[:, None]
    found = DriftingProcess(prior, space, beliefs, channels, drift).condition(observed, values)
    centred = np.where(known, said - np.nan_to_num(said).sum(0) / np.maximum(known.sum(0), 1), np.nan)
    means = np.nanmean(centred[known.any(1)], axis=1)
    of_arms = np.zeros((ARMS, REPLICATES))
    of_arms[known.any(1)] = 2.0 * (means - means.mean())[:, None]
    of_cells = np.zeros((ARMS, REPLICATES))
    of_cells[known.any(1)] = 0.7 * np.nan_to_num(centred[known.any(1)] - means[:, None])
    mean, covariance = dense(case, known, of_arms, of_cells, drift)
    np.testing.assert_allclose(found.mean.reshape(-1), mean, atol=2e-3)
    np.testing.assert_allclose(found.variance().reshape(-1), np.diag(covariance), rtol=0.01, atol=1e-3)


def test_arms_and_cells_and_levels_of_replicates_add_up_to_the_column():
    grid = full_grid(6, 4)
    column = np.random.default_rng(0).normal(size=24)
    arms, cells = split_levels(column[:, None], np.ones(24, dtype=bool), grid)
    rest = column - arms[grid.arm, 0] - cells[:, 0]
    for replicate in range(4):
        assert np.ptp(rest[grid.replicate == replicate]) < 1e-12
    assert abs(arms.mean()) < 1e-12
    np.testing.assert_allclose(np.bincount(grid.arm, cells[:, 0]), 0.0, atol=1e-12)


def test_rows_of_a_stream_are_cells():
    grid = full_grid(1, 30)
    column = np.random.default_rng(0).normal(size=30)
    arms, cells = split_levels(column[:, None], np.arange(30) < 20, grid)
    assert (arms == 0).all()
    np.testing.assert_allclose(cells[:20, 0], column[:20] - column[:20].mean())
    assert np.isnan(cells[20:]).all()


def questions(count, arms=20, replicates=6, *, of_arms=1.0, of_cells=0.0, noise=0.1, expect=0.0):
    """Sums of questions whose values are known multiples of the channel, and of what was expected, plus noise."""
    grid, found = full_grid(arms, replicates), []
    for number in range(count):
        generator = np.random.default_rng(number)
        arm, cell = generator.normal(size=arms), generator.normal(size=arms * replicates)
        expected = generator.normal(size=arms * replicates)
        values = of_arms * arm[grid.arm] + of_cells * cell + expect * expected
        values += noise * generator.normal(size=len(values))
        found.append(LevelSums.of((arm[grid.arm] + cell)[:, None], expected, values, grid))
    return found


def test_slopes_and_what_they_leave_are_learned_level_by_level():
    drift = Drift.learn(questions(4, arms=100, of_arms=3.0, of_cells=0.0, noise=0.5))
    # a cell's share of the channel blurs an arm's mean over six of them
    assert drift.arms.slopes[0] == pytest.approx(3.0 / (1 + 1 / 6), rel=0.1)
    assert drift.arms.left == pytest.approx(1 / 7, abs=0.06)
    assert not drift.cells.informative
    drift = Drift.learn(questions(4, of_arms=0.0, of_cells=2.0, noise=0.5))
    assert drift.cells.slopes[0] == pytest.approx(2.0, rel=0.05)
    assert 0.04 < drift.cells.left < 0.1


@pytest.mark.parametrize("count", [1, 2, 4])
def test_noise_is_not_heard(count):
    for number in range(20):
        generator = np.random.default_rng(number)
        grid = full_grid(4, 50)
        sums = [
            LevelSums.of(generator.normal(size=(200, 2)), np.zeros(200), generator.normal(size=200), grid)
            for _ in range(count)
        ]
        drift = Drift.learn(sums)
        assert not drift.informative
        assert (drift.arms.predict(generator.normal(size=(4, 2)), np.zeros(4)) == 0).all()


def test_correcting_what_is_expected_is_no_merit_of_channels():
    drift = Drift.learn(questions(4, of_arms=0.0, of_cells=0.0, expect=-1.0, noise=0.3))
    assert not drift.informative


def test_perfect_channels_say_the_value_whatever_was_expected():
    grid, sums = full_grid(20, 6), []
    for number in range(3):
        generator = np.random.default_rng(number)
        values, expected = generator.normal(size=120), generator.normal(size=120)
        sums.append(LevelSums.of(values[:, None], expected, values, grid))
    drift = Drift.learn(sums)
    said, expected = np.array([[1.0], [-2.0]]), np.array([0.5, 3.0])
    np.testing.assert_allclose(expected + drift.cells.predict(said, expected), said[:, 0], atol=0.15)


def test_a_slope_on_which_two_questions_disagree_is_not_believed_and_one_on_which_they_agree_is():
    same, other = questions(1, of_arms=1.0, noise=1.0), questions(1, of_arms=-1.0, noise=1.0)
    assert not Drift.learn([*same, *other]).arms.informative
    assert Drift.learn(questions(3, arms=60, of_arms=1.0, noise=1.0)).arms.informative
