"""Mechanistic anomaly detection: how unlike honest failures are the features of a row?

Each score is fitted on a reference of honest rows alone and knows no label. Higher is more anomalous. Everything is
computed with torch, so that a meter counts it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

SHARPNESS = 4.0
"""Weight of the leading directions in the spectral score: 0 is the Mahalanobis distance, infinity one direction."""
BANDWIDTHS = tuple(2.0**power for power in range(-4, 5))
"""Widths of the kernel that are tried, in units in which the reference has unit variance along every direction."""
LEAST_SCALE = 1e-6
"""Features that vary less, relatively, are constants."""


@dataclass(frozen=True)
class Gaussian:
    """The mean and covariance of a reference, as a map to whitened coordinates.

    Attributes:
        mean: of each feature.
        whitening: to coordinates in which the reference's covariance, shrunk, is the identity.
    """

    mean: Float[Tensor, " features"]
    whitening: Float[Tensor, "features features"]

    def whitened(self, rows: Float[Tensor, "rows features"]) -> Float[Tensor, "rows features"]:
        """Return rows in whitened coordinates."""
        return (rows - self.mean) @ self.whitening


def fit_gaussian(reference: Float[Tensor, "rows features"]) -> Gaussian:
    """Return the Gaussian of a reference.

    Features are taken in units of their standard deviation; the covariance is then shrunk towards a multiple of the
    identity by as much as makes its expected squared error least (Ledoit and Wolf, A well-conditioned estimator for
    large-dimensional covariance matrices, 2004). A feature that is constant on the reference says nothing.
    """
    mean = reference.mean(0)
    scale = reference.std(0, unbiased=False)
    varies = scale > LEAST_SCALE * torch.maximum(mean.abs(), torch.ones_like(mean))
    inverse = torch.where(varies, 1 / torch.where(varies, scale, torch.ones_like(scale)), torch.zeros_like(scale))
    centred = (reference - mean) * inverse
    covariance, shrinkage = centred.T @ centred / len(centred), ledoit_wolf(centred)
    level = covariance.diagonal().mean()
    values, vectors = torch.linalg.eigh(
        (1 - shrinkage) * covariance + shrinkage * level * torch.eye(len(covariance), dtype=covariance.dtype)
    )
    least = 1e-9 * torch.maximum(values.max(), torch.ones_like(level))  # of a reference that is one point
    return Gaussian(mean, inverse[:, None] * (vectors / values.clamp_min(least).sqrt()))


def ledoit_wolf(centred: Float[Tensor, "rows features"]) -> Float[Tensor, ""]:
    """Return the weight of the identity in the covariance of centred rows, from 0 to 1."""
    rows, features = centred.shape
    covariance = centred.T @ centred / rows
    level = covariance.diagonal().mean()
    spread = (covariance.square().sum() - features * level.square()).clamp_min(0)
    squares = centred.square().sum(1).square().sum() / rows
    error = ((squares - covariance.square().sum()) / rows).clamp_min(0)
    return torch.where(spread > 0, (error / spread.clamp_min(1e-300)).clamp(0, 1), torch.ones_like(level))


def mahalanobis(reference: Float[Tensor, "honest features"], rows: Float[Tensor, "rows features"]) -> Tensor:
    """Return the squared Mahalanobis distance of each row from the reference (Lee et al., 2018)."""
    white = fit_gaussian(reference).whitened(rows)
    return white.square().sum(1)


def spectral(reference: Float[Tensor, "honest features"], rows: Float[Tensor, "rows features"]) -> Tensor:
    """Return the quantum entropy score of each row.

    In coordinates in which the reference is white, the directions along which the rows tested vary most weigh most:
    x' A x / tr A with A = exp(SHARPNESS S / |S|), S the second moment of the rows tested, which have no labels (Dong,
    Hopkins and Li, Quantum entropy scoring, 2019; Hayase et al., SPECTRE, 2021). At infinite sharpness it is the
    spectral signature of Tran, Li and Madry (2018).
    """
    white = fit_gaussian(reference).whitened(rows)
    values, vectors = torch.linalg.eigh(white.T @ white / len(white))
    weights = (SHARPNESS * (values / values.max().clamp_min(1e-300) - 1)).exp()
    found: Tensor = (white @ vectors).square() @ (weights / weights.sum())
    return found


def density(reference: Float[Tensor, "honest features"], rows: Float[Tensor, "rows features"]) -> Tensor:
    """Return minus the logarithm of the density of each row, up to a constant.

    The density is that of Gaussian kernels at the reference in whitened coordinates; their width is the one of
    `BANDWIDTHS` under which each row of the reference is likeliest given the others.
    """
    gaussian = fit_gaussian(reference)
    honest, white = gaussian.whitened(reference), gaussian.whitened(rows)
    apart = torch.cdist(honest, honest).square()
    others = apart + torch.where(torch.eye(len(apart), dtype=torch.bool), math.inf, 0.0)
    features = honest.shape[1]

    def minus_log(squares: Tensor, width: float) -> Tensor:
        return features * math.log(width) - (-squares / (2 * width**2)).logsumexp(1)

    width = min(BANDWIDTHS, key=lambda each: float(minus_log(others, each).mean()))
    return minus_log(torch.cdist(white, honest).square(), width)


def intervention(
    reference: Float[Tensor, "honest changes features"], rows: Float[Tensor, "rows changes features"]
) -> Tensor:
    """Return how unusually the features of each row move when the model is changed.

    The first entry is the model as it is. What the features are under each change less what they are there is taken
    together as one vector; the score is its squared Mahalanobis distance from the reference's. That noise moves a
    model that holds back otherwise than one that cannot do better is from Tice et al. (Noise injection reveals hidden
    capabilities of sandbagging language models, 2024).
    """
    moved = [(each[:, 1:] - each[:, :1]).flatten(1) for each in (reference, rows)]
    return mahalanobis(moved[0], moved[1])


SCORES = ("mahalanobis", "spectral", "density", "intervention")


def score(
    name: str, reference: Float[Tensor, "honest changes features"], rows: Float[Tensor, "rows changes features"]
) -> Tensor:
    """Return a score of each row; all but `intervention` see the model as it is."""
    if name == "intervention":
        return intervention(reference, rows)
    plain = {"mahalanobis": mahalanobis, "spectral": spectral, "density": density}
    return plain[name](reference[:, 0], rows[:, 0])
