"""Anomaly scores against scikit-learn, scipy and closed forms, and on planted anomalies."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.covariance import ledoit_wolf as reference_shrinkage

from istar.flops import Meter
from istar.uses import anomaly_scores
from istar.uses.anomaly_scores import (
    SCORES,
    density,
    fit_gaussian,
    intervention,
    ledoit_wolf,
    mahalanobis,
    score,
    spectral,
)


def drawn(rows, features, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(rows, features)) * np.arange(1, features + 1))


@pytest.mark.parametrize(("rows", "features"), [(40, 3), (20, 30), (200, 10)])
def test_shrinkage_is_that_of_scikit_learn(rows, features):
    centred = drawn(rows, features) - drawn(rows, features).mean(0)
    assert float(ledoit_wolf(centred)) == pytest.approx(reference_shrinkage(centred.numpy(), assume_centered=True)[1])


def test_the_distance_is_that_of_the_shrunk_covariance_of_standardised_features():
    honest, rows = drawn(30, 4), drawn(7, 4, seed=1)
    mean, scale = honest.mean(0).numpy(), honest.std(0, unbiased=False).numpy()
    standard, others = (honest.numpy() - mean) / scale, (rows.numpy() - mean) / scale
    covariance, _ = reference_shrinkage(standard, assume_centered=True)
    expected = np.einsum("ri,ij,rj->r", others, np.linalg.inv(covariance), others)
    np.testing.assert_allclose(mahalanobis(honest, rows), expected)


def test_with_no_sharpness_the_spectral_score_is_the_distance(monkeypatch):
    honest, rows = drawn(30, 5), drawn(9, 5, seed=1)
    monkeypatch.setattr(anomaly_scores, "SHARPNESS", 0.0)
    np.testing.assert_allclose(spectral(honest, rows), mahalanobis(honest, rows) / 5)


def test_with_all_sharpness_the_spectral_score_is_the_spectral_signature(monkeypatch):
    honest, rows = drawn(30, 5), drawn(9, 5, seed=1)
    monkeypatch.setattr(anomaly_scores, "SHARPNESS", 1e6)
    white = fit_gaussian(honest).whitened(rows).numpy()
    leading = np.linalg.svd(white, full_matrices=False)[2][0]
    np.testing.assert_allclose(spectral(honest, rows), (white @ leading) ** 2, rtol=1e-6)


def test_the_density_is_that_of_gaussian_kernels_at_the_reference(monkeypatch):
    honest, rows = drawn(30, 2), drawn(6, 2, seed=1)
    gaussian = fit_gaussian(honest)
    white = gaussian.whitened(honest).numpy()
    monkeypatch.setattr(anomaly_scores, "BANDWIDTHS", (0.5,))
    whitened = gaussian.whitened(rows).numpy()
    expected = -np.log([np.mean([multivariate_normal(each, 0.25).pdf(row) for each in white]) for row in whitened])
    found = density(honest, rows).numpy()
    np.testing.assert_allclose(found - found[0], expected - expected[0])


def test_the_width_leaves_each_row_out():
    honest = torch.cat([drawn(20, 2), drawn(20, 2)])  # each row stands there twice, and explains its twin too well
    assert torch.isfinite(density(honest, drawn(5, 2, seed=1))).all()


def test_what_moves_otherwise_under_a_change_is_found_though_it_looks_the_same():
    honest, rows = drawn(40, 3), drawn(20, 3, seed=1)
    moved = torch.zeros(20, 3, dtype=torch.float64)
    moved[10:] = 8.0
    random = 0.1 * drawn(60, 3, seed=2)
    honest = torch.stack([honest, honest + random[:40]], 1)
    rows = torch.stack([rows, rows + random[40:] + moved], 1)
    found = intervention(honest, rows)
    assert found[10:].min() > found[:10].max()
    assert score("mahalanobis", honest, rows).equal(mahalanobis(honest[:, 0], rows[:, 0]))


@pytest.mark.parametrize("name", SCORES)
def test_planted_anomalies_score_higher(name):
    honest = torch.stack([drawn(60, 4), drawn(60, 4, seed=1)], 1)
    rows = torch.stack([drawn(20, 4, seed=2), drawn(20, 4, seed=3)], 1)
    rows[:10, 0, 0] += 12
    with Meter() as meter:
        found = score(name, honest, rows)
    assert found[:10].min() > found[10:].median()
    assert meter.flops > 0


@pytest.mark.parametrize("name", SCORES)
def test_features_that_never_vary_say_nothing(name):
    honest, rows = torch.ones(10, 2, 3, dtype=torch.float64), 5 * torch.rand(4, 2, 3, dtype=torch.float64)
    found = score(name, honest, rows)
    assert torch.isfinite(found).all()
    assert found.max() == pytest.approx(float(found.min()))
