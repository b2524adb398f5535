from itertools import combinations

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from synthetic_tables import arms_table, removal_table, shapley_table, stream_table

from istar.questions import ArmRanking, Column, Question, Run, SpanLogprob, Structure
from istar.rewards.blind import blind_answer
from istar.truth.effects.components import model_space, switch_kernels
from istar.truth.effects.fitting import VAGUE, _Likelihood, fit_table
from istar.truth.effects.grid import grid_of
from istar.truth.effects.records import effects_of


def test_switch_kernels_are_walsh_features():
    switches = np.array([[i >> j & 1 for j in range(5)] for i in range(32)], dtype=float)
    code = 2 * switches - 1
    for order, kernel in enumerate(switch_kernels(switches), start=1):
        features = np.stack([code[:, list(group)].prod(1) for group in combinations(range(5), order)], axis=1)
        np.testing.assert_allclose(kernel, features @ features.T / features.shape[1])


def test_grid_has_every_row_once():
    table = shapley_table(0, players=3, queries=4)
    grid = grid_of(table.question.structure)
    assert grid.row.shape == (8, 4)
    assert sorted(grid.row.reshape(-1)) == list(range(32))
    np.testing.assert_array_equal(grid.gather(grid.spread(table.values)), table.values)


def test_rows_that_share_a_cell_become_replicates():
    structure = Structure(
        (Column("a", "arm", (0.0, 0.0, 1.0, 1.0, 1.0)), Column("q", "nuisance", (0.0, 0.0, 0.0, 0.0, 1.0)))
    )
    grid = grid_of(structure)
    assert sorted(grid.row[grid.row >= 0]) == [0, 1, 2, 3, 4]
    assert grid.row.shape == (2, 3)


def test_a_stream_is_one_arm():
    space = model_space(stream_table(0, rows=20).question.structure, stream_table(0, rows=20).question.functional)
    assert (space.grid.arms, space.grid.replicates) == (1, 20)
    assert space.names == ("own.cell",)
    assert space.fixed_names == ("intercept", "covariate.rarity")


def test_model_follows_roles():
    removal, arms = removal_table(0).question, arms_table(0).question
    names = model_space(removal.structure, removal.functional).names
    assert {"common.arm0", "common.arm1", "own.arm0", "own.replicate", "own.cell"} <= set(names)
    assert "removed" in model_space(removal.structure, removal.functional).fixed_names
    assert {"common.traits", "common.trait_pairs"} <= set(model_space(arms.structure, arms.functional).names)


def confounded_table(index, arms=40, replicates=6):
    """Within an arm the value falls with the covariate; arms with more of it have the greater values."""
    generator = np.random.default_rng(index)
    arm = np.repeat(np.arange(arms), replicates)
    of_arm = generator.standard_normal(arms)[arm]
    covariate = of_arm + 0.5 * generator.standard_normal(len(arm))
    values = 2.0 * of_arm - 1.0 * (covariate - of_arm) + 0.1 * generator.standard_normal(len(arm))
    columns = (
        Column("arm", "arm", tuple(arm.astype(float))),
        Column("repeat", "nuisance", tuple(np.tile(np.arange(float(replicates)), arms))),
        Column("overlap", "covariate", tuple(covariate)),
    )
    runs = tuple(Run((0, row, 1), SpanLogprob(2)) for row in range(len(arm)))
    return Question("shot_shapley/antonyms", index, runs, Structure(columns), ArmRanking("arm")), values


def test_what_goes_with_a_covariate_among_arms_is_told_from_what_goes_with_it_within_them():
    records = [effects_of(*confounded_table(index)) for index in range(6)]
    question, values = confounded_table(0)
    space = model_space(question.structure, question.functional)
    assert space.fixed_names == ("intercept", "covariate.overlap", "covariate.overlap.of_arm")
    blind = blind_answer(question.structure, question.functional, records[1:])
    truth = question.functional.answer(values, question.structure)
    assert np.corrcoef(blind, truth)[0, 1] > 0.9


def test_likelihood_equals_a_dense_gaussian():
    import torch

    table = shapley_table(1, players=3, queries=4)
    space = model_space(table.question.structure, table.question.functional)
    log_variances = np.linspace(-2.0, 0.5, len(space.names))
    variances = dict(zip(space.names, np.exp(log_variances), strict=True))
    common = sum(variances[f"common.{n}"] * k for n, k in space.common.items())
    own = sum(variances[f"own.{n}"] * k for n, k in space.own.items())
    features = space.fixed.reshape(32, -1)
    covariance = VAGUE * features @ features.T + np.kron(common, np.ones((4, 4))) + np.kron(own, np.eye(4))
    values = space.grid.spread(table.values)
    expected = multivariate_normal(cov=covariance).logpdf(values.reshape(-1)) + 16 * np.log(2 * np.pi)
    found = float(_Likelihood(space, values)(torch.tensor(log_variances))[0])
    assert found == pytest.approx(expected, abs=1e-3)


def test_fit_recovers_known_variances():
    found = {}
    for index in range(4):
        table = arms_table(index, arms=40, examples=30)
        space = model_space(table.question.structure, table.question.functional)
        for name, value in fit_table(space, table.values).variances.items():
            found.setdefault(name, []).append(value)
    assert np.mean(found["own.cell"]) == pytest.approx(0.49, rel=0.15)
    assert np.mean(found["own.replicate"]) == pytest.approx(2.25, rel=0.5)
    assert np.mean(found["own.traits"]) < 0.1
