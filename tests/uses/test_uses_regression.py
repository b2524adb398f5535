"""Ridge regression against leaving rows out one after the other."""

import numpy as np
import pytest

from istar.uses.regression import PENALTIES, fit_ridge


def left_out(features, values, penalty):
    """Mean squared error of rows predicted by a fit on all others, standardised as all are."""
    x = (features - features.mean(0)) / features.std(0)
    errors = []
    for row in range(len(values)):
        keep = np.arange(len(values)) != row
        design = np.column_stack([np.ones(keep.sum()), x[keep]])
        shrink = penalty * np.diag([0.0, *np.ones(x.shape[1])])
        weights = np.linalg.solve(design.T @ design + shrink, design.T @ values[keep])
        errors.append(values[row] - np.array([1.0, *x[row]]) @ weights)
    return float(np.mean(np.square(errors)))


def test_it_explains_what_rows_left_out_say_it_explains():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(30, 3)) * [1.0, 10.0, 0.1] + 5
    values = features @ [1.0, 0.1, 0.0] + generator.normal(size=30)
    ridge = fit_ridge(features, values)
    errors = [left_out(features, values, penalty) for penalty in PENALTIES]
    blind = np.mean([(value - np.delete(values, row).mean()) ** 2 for row, value in enumerate(values)])
    assert ridge.explained == pytest.approx(1 - min(errors) / blind, abs=1e-9)


def test_what_is_linear_is_found_and_what_is_constant_says_nothing():
    generator = np.random.default_rng(1)
    features = np.column_stack([generator.normal(size=40), np.full(40, 1e6)])
    ridge = fit_ridge(features, 3 * features[:, 0] - 2)
    assert ridge.explained > 0.999
    assert ridge.slopes[1] == 0
    np.testing.assert_allclose(ridge.predict(features), 3 * features[:, 0] - 2, atol=1e-3)
    assert fit_ridge(features[:, 1:], features[:, 0]).explained == pytest.approx(0, abs=1e-9)


def test_noise_explains_nothing():
    generator = np.random.default_rng(2)
    assert fit_ridge(generator.normal(size=(40, 5)), generator.normal(size=40)).explained < 0.2
