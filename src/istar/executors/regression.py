"""Bringing channels to the scale of the values: a regression within replicates, outliers cut off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from istar.executors.grid import within_replicates

CLIP = 8.0
"""Channels are cut off this many standard deviations from their mean."""
RIDGE = 8.0
"""How many rows' worth of doubt there is about the scale of each channel."""


def clipped(channels: Float[np.ndarray, "rows channels"]) -> Float[np.ndarray, "rows channels"]:
    """Return channels centred and without outliers; NaN where unknown."""
    known = ~np.isnan(channels).any(1)
    result = np.full(channels.shape, np.nan)
    part = channels[known]
    if len(part):
        centred, spread = part - part.mean(0), part.std(0)
        result[known] = np.clip(centred, -CLIP * spread, CLIP * spread)
    return result


@dataclass(frozen=True)
class Regression:
    """Sums that give the regression of values on channels within replicates; they add up over questions.

    Attributes:
        inner: products of channels.
        side: products of channels with values.
        rows: how many rows.
    """

    inner: Float[np.ndarray, "channels channels"]
    side: Float[np.ndarray, " channels"]
    rows: int

    @classmethod
    def of(
        cls,
        channels: Float[np.ndarray, "rows channels"],
        values: Float[np.ndarray, " rows"],
        replicate: Int[np.ndarray, " rows"],
        rows: Int[np.ndarray, " used"],
    ) -> Regression:
        """Return the sums over some rows."""
        both = within_replicates(np.column_stack([channels[rows], values[rows]]), replicate[rows])
        return cls(both[:, :-1].T @ both[:, :-1], both[:, :-1].T @ both[:, -1], len(rows))

    def __add__(self, other: Regression) -> Regression:
        """Return the sums over both."""
        return Regression(self.inner + other.inner, self.side + other.side, self.rows + other.rows)

    def last(self) -> Regression:
        """Return the sums for the last channel alone."""
        return Regression(self.inner[-1:, -1:], self.side[-1:], self.rows)

    def slopes(self) -> Float[np.ndarray, " channels"]:
        """Return the slope of each channel, drawn towards 0 by `RIDGE` rows of doubt."""
        size = np.diag(self.inner) / max(self.rows, 1)
        ridge = np.diag(RIDGE * size + 1e-12 * max(float(size.max(initial=0.0)), 1e-300))
        solved: Float[np.ndarray, " channels"] = np.linalg.solve(self.inner + ridge, self.side)
        return solved
