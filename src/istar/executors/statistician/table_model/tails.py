"""Draws of a stream of rows whose residuals are not Gaussian.

Where rows are exchangeable given covariates, quantiles of the values are quantiles of the residual's distribution, and
a Gaussian one would be wrong just where it matters. Its quantile function is learned from the task's other questions
and, as rows are bought, from this one.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from istar.executors.statistician.settings import PRIOR_ROWS
from istar.executors.statistician.table_model.posterior import Normals, Posterior
from istar.truth.effects.records import QUANTILE_KNOTS


def skewed_draws(
    posterior: Posterior,
    quantiles: Float[np.ndarray, " knots"],
    count: int,
    normals: Normals,
    generator: np.random.Generator,
) -> Float[np.ndarray, "draws 1 replicates"]:
    """Return posterior draws of a single-arm table with residuals of a learned shape.

    Args:
        posterior: of a table with one arm.
        quantiles: the standardised residual's quantiles at `QUANTILE_KNOTS`.
        count: how many draws.
        normals: source of the randomness of rows.
        generator: source of that of the scale.
    """
    lifts, peculiar = posterior.skew_parts()
    shift = normals.standard_normal((count, lifts.shape[1])) @ lifts.T
    uniform = ndtr(normals.standard_normal((count, len(peculiar))))
    residual = np.sqrt(peculiar) * np.interp(uniform, QUANTILE_KNOTS, quantiles)
    freedom = posterior.process.scale_weight + posterior.observed.sum()
    scale = np.sqrt(posterior.scale * freedom / generator.chisquare(freedom, count))
    tables = posterior.mean + (scale[:, None] * (shift + residual))[:, None, :]
    posterior.process.arithmetic.random(3 * uniform.size)
    posterior.process.arithmetic.matmul(count, lifts.shape[1], len(peculiar))
    return np.where(posterior.observed, posterior.mean, tables)


def learned_shape(posterior: Posterior, quantiles: Float[np.ndarray, " knots"]) -> Float[np.ndarray, " knots"]:
    """Return the residual's quantile function: the other questions', moved to what the bought rows show.

    Args:
        posterior: of a table with one arm.
        quantiles: the standardised residual's quantiles at `QUANTILE_KNOTS` in other questions.
    """
    process = posterior.process
    observed = posterior.observed[0]
    spread = np.zeros(len(observed))
    for group in process.groups:
        spread[group.replicates] = np.sqrt(group.own[0, 0] * posterior.scale)
    if not observed.any() or not (spread > 0).all():
        return quantiles
    fitted = process.prior_mean + process.design @ posterior.coordinates[: process.effects]
    residual = ((posterior.mean - fitted)[0] / spread)[observed]
    weight = len(residual) / (len(residual) + PRIOR_ROWS)
    shape: Float[np.ndarray, " knots"] = (1 - weight) * quantiles + weight * np.quantile(residual, QUANTILE_KNOTS)
    return shape
