"""Many exchangeable arms: the same posterior as that of one big Gaussian, at a fraction of the arithmetic."""

import numpy as np
import pytest
from test_executors_process import Dense

from istar.executors.statistician.arithmetic import Arithmetic
from istar.executors.statistician.table_model import exchangeable as module
from istar.executors.statistician.table_model.exchangeable import Exchangeable, exchangeable
from istar.executors.statistician.table_model.process import Hyperparameters, Process, kernels_of
from istar.questions import ArmMeans, Column, Structure
from istar.truth.effects.components import model_space

ARMS, REPLICATES = 70, 3


@pytest.fixture(scope="module")
def case():
    cells = [(arm, replicate) for arm in range(ARMS) for replicate in range(REPLICATES)]
    arm, replicate = (tuple(map(float, column)) for column in zip(*cells, strict=True))
    generator = np.random.default_rng(0)
    length = Column("length", "covariate", tuple(generator.normal(size=len(cells)).tolist()))
    structure = Structure((Column("arm", "arm", arm), Column("context", "nuisance", replicate), length))
    space = model_space(structure, ArmMeans("arm"))
    variances = {name: float(generator.random() + 0.1) for name in space.names}
    effects = len(space.fixed_names)
    beliefs = Hyperparameters(generator.normal(size=effects), np.diag(generator.random(effects)), variances)
    observed = generator.random((ARMS, REPLICATES)) < 0.3
    observed[:, 2] = False
    return space, beliefs, observed, generator.normal(size=(ARMS, REPLICATES))


def test_posterior_equals_dense_gaussian(case):
    space, beliefs, observed, values = case
    process = Process(space.grid, kernels_of(space, beliefs), Arithmetic())
    assert exchangeable(process.own) is not None
    posterior = process.condition(observed, values)
    mean, covariance = Dense(space, beliefs).given(observed, values)
    np.testing.assert_allclose(posterior.mean.reshape(-1), mean, atol=1e-6)
    np.testing.assert_allclose(posterior.variance().reshape(-1), np.diag(covariance), atol=1e-6)
    weights = space.grid.spread(np.eye(ARMS * REPLICATES)[:5])
    np.testing.assert_allclose(posterior.linear(weights).covariance, covariance[:5, :5], atol=1e-6)
    draws = posterior.draws(20_000, np.random.default_rng(0), scale=1.0).reshape(20_000, -1)
    np.testing.assert_allclose(draws.mean(0), mean, atol=0.1)
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.25)


def test_it_takes_less_arithmetic_than_the_factorisations_and_says_the_same(case, monkeypatch):
    space, beliefs, observed, values = case

    def run():
        arithmetic = Arithmetic()
        posterior = Process(space.grid, kernels_of(space, beliefs), arithmetic).condition(observed, values)
        posterior.draws(64, np.random.default_rng(0))
        return posterior, arithmetic.flops

    fast, few = run()
    monkeypatch.setattr(module, "MANY", ARMS + 1)
    slow, many = run()
    assert few < 0.7 * many
    np.testing.assert_allclose(fast.mean, slow.mean, atol=1e-7)
    assert fast.scale == pytest.approx(slow.scale, rel=1e-7)


def test_product_is_that_with_the_inverse():
    generator = np.random.default_rng(1)
    left, right = generator.normal(size=(6, 2)), generator.normal(size=(6, 3))
    covariance = Exchangeable(0.7, 0.2)
    expected = left.T @ np.linalg.solve(covariance.matrix(6), right)
    np.testing.assert_allclose(covariance.product(left, right), expected, atol=1e-12)


def test_what_is_left_is_the_schur_complement():
    whole = Exchangeable(0.7, 0.2)
    matrix = whole.matrix(9)
    gain = matrix[4:, :4] @ np.linalg.inv(matrix[:4, :4])
    np.testing.assert_allclose(gain, whole.slope(4), atol=1e-12)
    np.testing.assert_allclose(whole.given(4).matrix(5), matrix[4:, 4:] - gain @ matrix[:4, 4:], atol=1e-12)


@pytest.mark.parametrize(
    "covariance",
    [np.eye(10), np.diag(np.arange(1.0, 101.0)), -0.001 + np.eye(100), np.kron(np.eye(50), np.ones((2, 2)))],
    ids=["few", "unequal", "negative", "in pairs"],
)
def test_other_covariances_are_left_alone(covariance):
    assert exchangeable(covariance) is None
