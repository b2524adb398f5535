"""The factor model of a replicate: what is each cell's alone is split off, and nothing is believed otherwise for it."""

from dataclasses import replace

import numpy as np
import pytest
from test_executors_process import Dense

from istar.executors.statistician.arithmetic import Arithmetic
from istar.executors.statistician.table_model.process import Hyperparameters, Process, ReplicateGroup, kernels_of
from istar.questions import ArmMeans, Column, Structure, UpperTail
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


def test_arms_of_which_nothing_is_known_take_one_factor(case):
    space, beliefs, _, _ = case
    (group,) = Process(space.grid, kernels_of(space, beliefs), Arithmetic()).groups
    assert group.root.shape == (ARMS, 1)


def test_posterior_equals_dense_gaussian(case):
    space, beliefs, observed, values = case
    posterior = Process(space.grid, kernels_of(space, beliefs), Arithmetic()).condition(observed, values)
    mean, covariance = Dense(space, beliefs).given(observed, values)
    np.testing.assert_allclose(posterior.mean.reshape(-1), mean, atol=1e-6)
    np.testing.assert_allclose(posterior.variance().reshape(-1), np.diag(covariance), atol=1e-6)
    weights = space.grid.spread(np.eye(ARMS * REPLICATES)[:5])
    np.testing.assert_allclose(posterior.linear(weights).variance, np.diag(covariance)[:5], atol=1e-6)
    draws = posterior.draws(20_000, np.random.default_rng(0), scale=1.0).reshape(20_000, -1)
    np.testing.assert_allclose(draws.mean(0), mean, atol=0.1)
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.25)


@pytest.mark.parametrize("said", ["nothing", "too much"])
def test_the_same_is_believed_where_what_is_each_cells_alone_is_not_said(case, said):
    space, beliefs, observed, values = case
    kernels = kernels_of(space, beliefs)
    told = Process(space.grid, kernels, Arithmetic()).condition(observed, values)
    alone = None if said == "nothing" else 2 * np.diagonal(kernels.own)
    found = Process(space.grid, replace(kernels, alone=alone), Arithmetic()).condition(observed, values)
    np.testing.assert_allclose(found.mean, told.mean, atol=1e-6)
    np.testing.assert_allclose(found.variance(), told.variance(), atol=1e-6)
    assert found.scale == pytest.approx(told.scale)


def test_a_covariance_is_split_whatever_it_is():
    generator = np.random.default_rng(1)
    some = generator.normal(size=(9, 9))
    for own in (np.eye(5), some @ some.T, np.kron(np.eye(4), np.ones((2, 2))) + np.diag(np.arange(1.0, 9.0))):
        group = ReplicateGroup(np.arange(3), own, np.zeros((len(own), 0)))
        np.testing.assert_allclose(group.root @ group.root.T + np.diag(group.noise), own, atol=1e-7)
        assert (group.noise > 0).all()


def test_a_stream_of_rows_takes_no_factor():
    generator = np.random.default_rng(2)
    rows = 12
    length = Column("length", "covariate", tuple(generator.normal(size=rows).tolist()))
    structure = Structure((Column("row", "arm", tuple(map(float, range(rows)))), length))
    space = model_space(structure, UpperTail(0.9))
    beliefs = Hyperparameters(np.array([1.0, 2.0]), np.diag([0.5, 0.2]), {"own.cell": 0.3})
    observed, values = generator.random((1, rows)) < 0.5, generator.normal(size=(1, rows))
    process = Process(space.grid, kernels_of(space, beliefs), Arithmetic())
    assert process.groups[0].root.shape == (1, 0)
    posterior = process.condition(observed, values)
    mean, covariance = Dense(space, beliefs).given(observed, values)
    np.testing.assert_allclose(posterior.mean.reshape(-1), mean, atol=1e-6)
    np.testing.assert_allclose(posterior.variance().reshape(-1), np.diag(covariance), atol=1e-6)
    draws = posterior.draws(20_000, np.random.default_rng(0), scale=1.0).reshape(20_000, -1)
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.05)
