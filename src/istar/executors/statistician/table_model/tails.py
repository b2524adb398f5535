"""Draws of a stream of rows whose residuals have a distribution that is not known.

Where rows are exchangeable given covariates, quantiles of the values are quantiles of the residual's distribution F,
and a Gaussian one would be wrong just where it matters. F is a Dirichlet process (T. Ferguson, A Bayesian analysis of
some nonparametric problems, 1973). Before rows are bought it is F_q, that of one of the task's other questions, any of
them alike, which is worth `a` rows; with standardised residuals e_1 ... e_n of bought rows it is

    F = w_0 F_q + w_1 delta(e_1) + ... + w_n delta(e_n),    w ~ Dirichlet(a, 1, ..., 1),

and N further rows are a sample of it. How much the other questions' distributions are worth they say themselves: those
of a process that is worth `a` rows differ at x by a variance of F(x) (1 - F(x)) / (a + 1).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from istar.executors.statistician.settings import MOST_SHAPE_ROWS, PARTS
from istar.executors.statistician.table_model.posterior import Posterior
from istar.truth.effects.records import QUANTILE_KNOTS


def rows_worth(shapes: Float[np.ndarray, "questions knots"]) -> float:
    """Return how many bought rows distributions on other questions are worth on a further one: `a`, 1 or more.

    Args:
        shapes: quantiles of standardised residuals at `QUANTILE_KNOTS` on each of them.
    """
    grid = np.sort(shapes.reshape(-1))
    shares = np.array([np.interp(grid, shape, QUANTILE_KNOTS) for shape in shapes])
    mean, differ = shares.mean(0), float(shares.var(0, ddof=1).sum())
    worth = float((mean * (1 - mean)).sum()) / max(differ, 1e-300) - 1
    return float(np.clip(worth, 1.0, MOST_SHAPE_ROWS))


def stream_draws(
    posterior: Posterior, shapes: Float[np.ndarray, "questions knots"], count: int, generator: np.random.Generator
) -> Float[np.ndarray, "draws 1 replicates"]:
    """Return posterior draws of a single-arm table with residuals of an unknown distribution.

    Args:
        posterior: of a table with one arm.
        shapes: quantiles of standardised residuals at `QUANTILE_KNOTS` on the task's other questions.
        count: how many draws.
        generator: source of randomness.
    """
    process, observed = posterior.process, posterior.observed[0]
    unseen = np.flatnonzero(~observed)
    lifts = posterior.lifts(np.zeros(len(unseen), dtype=np.int64), unseen)
    freedom = process.scale_weight + observed.sum()
    scale = np.sqrt(posterior.scale * freedom / generator.chisquare(freedom, count))[:, None]
    shift = scale * (generator.standard_normal((count, lifts.shape[1])) @ lifts.T)
    spread = np.empty(len(observed))
    for group in process.groups:
        spread[group.replicates] = np.sqrt(group.own[0, 0])
    fitted = process.prior_mean + process.design @ posterior.coordinates[: process.effects]
    seen = ((posterior.mean - fitted)[0] / spread)[observed]
    levels = (np.arange(PARTS) + 0.5) / PARTS
    parts = np.array([np.interp(levels, QUANTILE_KNOTS, shape) for shape in shapes])
    drawn = scale * parts[generator.integers(len(parts), size=count)]
    atoms = np.concatenate([drawn, np.broadcast_to(seen, (count, len(seen)))], axis=1)
    worth = rows_worth(shapes)
    # shares in a sample of N vary by 1 / N more than those in F
    fewer = 1 / (1 + (worth + len(seen)) / max(len(unseen), 1))
    weights = fewer * np.concatenate([np.full(PARTS, worth / PARTS), np.ones(len(seen))])
    shares = np.cumsum(generator.standard_gamma(weights, (count, len(weights))), axis=1)
    ends = np.rint(shares / np.maximum(shares[:, -1:], 1e-300) * len(unseen)).astype(np.int64)
    starts = np.zeros((count, len(unseen) + 1), dtype=np.int64)
    np.add.at(starts, (np.arange(count)[:, None], ends[:, :-1]), 1)
    which = np.cumsum(starts, axis=1)[:, :-1]
    residual = np.take_along_axis(atoms, generator.permuted(which, axis=1), axis=1)
    tables = np.repeat(posterior.mean, count, axis=0)
    tables[:, unseen] += shift + spread[unseen] * residual
    process.arithmetic.random(count * (len(weights) + len(unseen) + lifts.shape[1]))
    process.arithmetic.matmul(count, lifts.shape[1], len(unseen))
    return tables[:, None]
