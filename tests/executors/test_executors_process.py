import numpy as np
import pytest
from synthetic_tables import shapley_table

from istar.executors.statistician.arithmetic import Arithmetic
from istar.executors.statistician.table_model.process import Hyperparameters, Process, kernels_of
from istar.truth.effects.components import model_space


class Dense:
    """The same model as one big Gaussian over cells: the independent reference."""

    def __init__(self, space, beliefs, shares=None):
        arms, replicates = space.grid.arms, space.grid.replicates
        factor = lambda name: beliefs.variances[name] * (1.0 if shares is None else shares)  # noqa: E731
        common = sum(factor(f"common.{n}") * k for n, k in space.common.items())
        own = sum(factor(f"own.{n}") * k for n, k in space.own.items())
        features = space.fixed.reshape(arms * replicates, -1)
        self.mean = features @ beliefs.fixed_mean
        self.covariance = features @ beliefs.fixed_covariance @ features.T
        self.covariance += np.kron(common, np.ones((replicates, replicates))) + np.kron(own, np.eye(replicates))

    def given(self, observed, values):
        seen = observed.reshape(-1)
        gain = self.covariance[:, seen] @ np.linalg.inv(self.covariance[np.ix_(seen, seen)])
        rest = values.reshape(-1)[seen] - self.mean[seen]
        return self.mean + gain @ rest, self.covariance - gain @ self.covariance[seen]


@pytest.fixture(scope="module")
def case():
    table = shapley_table(0, players=4, queries=5)
    space = model_space(table.question.structure, table.question.functional)
    generator = np.random.default_rng(1)
    variances = {name: float(generator.random() + 0.1) for name in space.names}
    effects = len(space.fixed_names)
    beliefs = Hyperparameters(generator.normal(size=effects), np.diag(generator.random(effects)), variances)
    observed = generator.random((16, 5)) < 0.3
    observed[:, 3] = False
    values = generator.normal(size=(16, 5))
    weights = space.grid.spread(table.question.functional.weights(table.question.structure))
    return space, beliefs, observed, values, weights


def test_posterior_equals_dense_gaussian(case):
    space, beliefs, observed, values, weights = case
    mean, covariance = Dense(space, beliefs).given(observed, values)
    posterior = Process(space.grid, kernels_of(space, beliefs), Arithmetic()).condition(observed, values)
    flat = weights.reshape(len(weights), -1)
    np.testing.assert_allclose(posterior.mean.reshape(-1), mean, atol=1e-6)
    np.testing.assert_allclose(posterior.variance().reshape(-1), np.diag(covariance), atol=1e-6)
    linear = posterior.linear(weights)
    np.testing.assert_allclose(linear.mean, flat @ mean, atol=1e-6)
    np.testing.assert_allclose(linear.variance, np.diag(flat @ covariance @ flat.T), atol=1e-6)
    cells = np.flatnonzero(~observed.reshape(-1))[:25]
    arms, replicates = np.divmod(cells, 5)
    np.testing.assert_allclose(posterior.covariance(arms, replicates), covariance[np.ix_(cells, cells)], atol=1e-6)
    cross = linear.loading @ posterior.lifts(arms, replicates).T + linear.own_cross[:, arms, replicates]
    np.testing.assert_allclose(cross, (flat @ covariance)[:, cells], atol=1e-6)


def test_scale_is_the_normalised_residual(case):
    space, beliefs, observed, values, _ = case
    dense = Dense(space, beliefs)
    seen = observed.reshape(-1)
    rest = values.reshape(-1)[seen] - dense.mean[seen]
    square = rest @ np.linalg.solve(dense.covariance[np.ix_(seen, seen)], rest)
    posterior = Process(space.grid, kernels_of(space, beliefs), Arithmetic()).condition(observed, values)
    weight = beliefs.scale_weight
    assert posterior.scale == pytest.approx((weight + square) / (weight + seen.sum()), rel=1e-5)


def test_draws_have_the_posterior_moments(case):
    space, beliefs, observed, values, _ = case
    mean, covariance = Dense(space, beliefs).given(observed, values)
    posterior = Process(space.grid, kernels_of(space, beliefs), Arithmetic()).condition(observed, values)
    draws = posterior.draws(20_000, np.random.default_rng(0), scale=1.0).reshape(20_000, -1)
    np.testing.assert_allclose(draws.mean(0), mean, atol=0.1)
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.25)
    assert (draws[:, observed.reshape(-1)] == values[observed]).all()


def test_everything_observed_is_the_truth(case):
    space, beliefs, _, values, weights = case
    everything = np.ones((16, 5), dtype=bool)
    posterior = Process(space.grid, kernels_of(space, beliefs), Arithmetic()).condition(everything, values)
    np.testing.assert_array_equal(posterior.mean, values)
    np.testing.assert_allclose(posterior.linear(weights).variance, 0.0, atol=1e-9)
