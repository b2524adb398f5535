"""Bringing channels to the scale of the values: a regression within replicates, outliers cut off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from istar.executors.statistician.settings import CLIP, RIDGE
from istar.truth.effects.grid import within_replicates


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
        total: sum of squares of the values.
        rows: how many rows.
    """

    inner: Float[np.ndarray, "channels channels"]
    side: Float[np.ndarray, " channels"]
    total: float
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
        return cls(
            both[:, :-1].T @ both[:, :-1], both[:, :-1].T @ both[:, -1], float(both[:, -1] @ both[:, -1]), len(rows)
        )

    def __add__(self, other: Regression) -> Regression:
        """Return the sums over both."""
        sums = (self.inner + other.inner, self.side + other.side, self.total + other.total)
        return Regression(*sums, self.rows + other.rows)

    def apart_from_last(self) -> tuple[Regression, Float[np.ndarray, " channels"]]:
        """Return the sums for what the last channel leaves of all others and of the values.

        Returns:
            Those sums, and the slopes on the last channel of the others and, last, of the values; 0 if it is constant.
        """
        size = float(self.inner[-1, -1])
        with_last = np.append(self.inner[:-1, -1], self.side[-1])
        slopes = with_last / size if size > 1e-12 * max(self.total, 1e-300) else np.zeros_like(with_last)
        rest = Regression(
            self.inner[:-1, :-1] - np.outer(slopes[:-1], with_last[:-1]),
            self.side[:-1] - slopes[:-1] * with_last[-1],
            self.total - slopes[-1] * with_last[-1],
            self.rows,
        )
        return rest, slopes

    def slopes(self) -> Float[np.ndarray, " channels"]:
        """Return the slope of each channel, drawn towards 0 by `RIDGE` rows of doubt."""
        size = np.diag(self.inner) / max(self.rows, 1)
        ridge = np.diag(RIDGE * size + 1e-12 * max(float(size.max(initial=0.0)), 1e-300))
        solved: Float[np.ndarray, " channels"] = np.linalg.solve(self.inner + ridge, self.side)
        return solved

    def explained(self) -> float:
        """Return the share of the values' variance that goes with what the slopes foretell, from 0 to 1.

        It is as cautious as the slopes are: channels that are the values are not taken to explain more of them than
        they are allowed to say.
        """
        return float(np.clip(self.slopes() @ self.side / max(self.total, 1e-300), 0.0, 1.0))
