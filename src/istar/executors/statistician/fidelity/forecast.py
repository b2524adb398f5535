"""Forecasts of how much of a linear answer's uncertainty will remain after nested batches of channels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from istar.executors.statistician.table_model.posterior import Posterior


def levels_left(
    prior: Posterior,
    weights: Float[np.ndarray, "outputs arms replicates"],
    batches: Sequence[Int[np.ndarray, " batch"]],
) -> tuple[Float[np.ndarray, " levels"], Float[np.ndarray, " levels"]]:
    """Return, from no batch on, the share of rows in the nested batches and the variance left were their values known.

    Args:
        prior: the posterior given nothing.
        weights: the functional.
        batches: the rows of every nested batch.
    """
    process = prior.process
    grid = process.grid
    seen = np.zeros(int(grid.present.sum()), dtype=bool)
    shares, left = [0.0], [1.0]
    nothing = np.zeros((grid.arms, grid.replicates))
    reference = float(np.trace(prior.linear(weights).covariance))
    for batch in batches:
        seen[batch] = True
        shares.append(float(seen.mean()))
        if seen.all():
            left.append(0.0)
        else:
            posterior = process.condition(grid.spread(seen), nothing)
            left.append(float(np.trace(posterior.linear(weights).covariance)) / reference)
    return np.array(shares), np.array(left)
