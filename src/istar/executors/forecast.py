"""Forecasts of how much of an answer's uncertainty will remain: after nested batches of channels, and after rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from istar.executors.posterior import Posterior
from istar.questions import Functional, UpperTail

TAIL_DECAY = 50.0
"""How fast a tail's variance is taken to fall with the share of rows seen."""
ARM_DECAY = 25.0
"""The same for another functional that is not linear."""


def levels_left(
    prior: Posterior,
    weights: Float[np.ndarray, "outputs arms replicates"] | None,
    functional: Functional,
    batches: Sequence[Int[np.ndarray, " batch"]],
) -> tuple[Float[np.ndarray, " levels"], Float[np.ndarray, " levels"]]:
    """Return, from no batch on, the share of rows in the nested batches and the variance left were their values known.

    Args:
        prior: the posterior given nothing.
        weights: the functional, if it is linear.
        functional: what is asked.
        batches: the rows of every nested batch.
    """
    process = prior.process
    grid = process.grid
    rows = int(grid.present.sum())
    seen = np.zeros(rows, dtype=bool)
    shares, left = [0.0], [1.0]
    nothing = np.zeros((grid.arms, grid.replicates))
    reference = None if weights is None else np.trace(prior.linear(weights).covariance)
    for batch in batches:
        seen[batch] = True
        share = float(seen.mean())
        shares.append(share)
        if weights is None or reference is None:
            decay = TAIL_DECAY if isinstance(functional, UpperTail) else ARM_DECAY
            left.append((1 - share) / (1 + decay * share))
        elif seen.all():
            left.append(0.0)
        else:
            posterior = process.condition(grid.spread(seen), nothing)
            left.append(float(np.trace(posterior.linear(weights).covariance)) / reference)
    return np.array(shares), np.array(left)
