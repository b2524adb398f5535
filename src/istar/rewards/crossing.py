"""What it costs to reach a level of skill: the first stable crossing of an efficiency curve.

A curve measured with a few seeds wiggles. A first touch of the level may be luck, and a late dip under it may be
bad luck; neither should decide a cost. So the curve is replaced by the non-decreasing one nearest to it in least
squares (isotonic regression over the checkpoints, equally weighted), and the crossing is where that one passes the
level, interpolated linearly in the logarithm of FLOPs. A curve that rises by itself is left as it is.

Only the fit's two values beside the crossing are needed, and running sums give them: the fit passes the level after
the first prefix with the least sum of (skill - level); on its right the fit is the least
mean of any stretch that begins there, on its left the greatest mean of any stretch that ends there (R. E. Barlow et
al., Statistical Inference under Order Restrictions, 1972; the first is the switching relation of P. Groeneboom).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

EXACT, BEFORE_FIRST, NEVER = 0, -1, 1


@dataclass(frozen=True)
class Crossings:
    """Where curves reach a level.

    Attributes:
        log_cost: natural logarithm of the FLOPs as a share of brute force.
        state: `EXACT`; `BEFORE_FIRST` where the level is reached at or before the first checkpoint, whose budget
            then stands for the cost; `NEVER` where it is not reached within the last one, whose budget then stands.
    """

    log_cost: Float[np.ndarray, "*curves"]
    state: Int[np.ndarray, "*curves"]


def crossings(
    skill: Float[np.ndarray, "*curves checkpoints"],
    log_budgets: Float[np.ndarray, "*curves checkpoints"],
    level: float,
) -> Crossings:
    """Return where each curve first stably reaches a level of skill.

    Args:
        skill: skill at each checkpoint. A curve with fewer of them than others has NaN in the first places.
        log_budgets: logarithm of each checkpoint's budget, ascending; broadcast against `skill`.
        level: the level, above 0.
    """
    count = skill.shape[-1]
    log_budgets = np.broadcast_to(log_budgets, skill.shape)
    start = np.isnan(skill).sum(-1)[..., None]
    over = np.where(np.isnan(skill), 0.0, skill - level)
    sums = np.concatenate([np.zeros((*skill.shape[:-1], 1)), np.cumsum(over, axis=-1)], axis=-1)
    first = np.argmin(np.round(sums, 12), axis=-1)
    state = np.where(first == 0, BEFORE_FIRST, np.where(first == count, NEVER, EXACT))
    index = np.clip(first, 1, count - 1) if count > 1 else np.zeros_like(first)
    if count == 1:
        return Crossings(log_budgets[..., 0], state)
    here = np.take_along_axis(sums, index[..., None], axis=-1)
    position = np.arange(count + 1)
    distance = np.where(position == index[..., None], 1, position - index[..., None])
    means = (sums - here) / distance
    above = np.where(position > index[..., None], means, np.inf).min(-1)
    before = (position < index[..., None]) & (position >= np.minimum(start, index[..., None] - 1))
    below = np.where(before, means, -np.inf).max(-1)
    share = np.where(state == EXACT, -below / np.where(above > below, above - below, 1.0), 0.0)
    left = np.take_along_axis(log_budgets, index[..., None] - 1, axis=-1)[..., 0]
    right = np.take_along_axis(log_budgets, index[..., None], axis=-1)[..., 0]
    inside = left + np.clip(share, 0.0, 1.0) * (right - left)
    least = np.take_along_axis(log_budgets, np.minimum(start, count - 1), axis=-1)[..., 0]
    log_cost = np.where(state == EXACT, inside, np.where(state == NEVER, log_budgets[..., -1], least))
    return Crossings(log_cost, state)
