"""The levels of a table at which channels are compared with values: arms, replicates, and cells beyond both.

A column c over arms a and replicates r is split, as in a two-way analysis of variance, into

    c_ar = mean + A_a + R_r + C_ar.

A channel may know which arm is best and nothing of single examples, or the other way round, so that each level has a
correlation of its own (a linear model of coregionalisation). A stream of rows has cells alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import ndtri
from scipy.stats import rankdata

from istar.executors.statistician.settings import CLIP
from istar.truth.effects.grid import Grid

Parts: TypeAlias = Mapping[str, Float[np.ndarray, "units columns"]]
"""What columns say at each level: a row an arm, a replicate, or a row of the question; NaN where nothing is known."""


def levels_of(grid: Grid) -> tuple[str, ...]:
    """Return the levels that a grid has."""
    if grid.arms == 1:
        return ("cells",)
    if grid.replicates == 1:
        return ("arms",)
    compared = bool((grid.present.sum(0) > 1).any())
    return ("arms", "replicates", "cells") if compared else ("arms", "cells")


def cleaned(
    channels: Float[np.ndarray, "rows channels"],
) -> tuple[Float[np.ndarray, "rows features"], Float[np.ndarray, " features"]]:
    """Return channels as features: in standard deviations from the mean, cut off at `CLIP`, then as normal scores.

    Normal scores, the normal quantiles of ranks, are the same for all monotone functions of a channel. Rows that are
    not wholly known are NaN, a channel that does not vary is 0.

    Returns:
        Twice as many features as channels, and the unit in which each stands: a channel's standard deviation, or 1.
    """
    known = np.isfinite(channels).all(1)
    count = channels.shape[1]
    result, unit = np.full((len(channels), 2 * count), np.nan), np.ones(2 * count)
    if known.any():
        part = channels[known].astype(np.float64)
        centred = part - part.mean(0)
        spread = centred.std(0)
        still = spread <= 1e-9 * np.abs(part).max(0)
        unit[:count] = np.where(still, 1.0, spread)
        scores = ndtri((rankdata(part, axis=0) - 0.5) / len(part))
        result[known, :count] = np.where(still, 0.0, np.clip(centred / unit[:count], -CLIP, CLIP))
        result[known, count:] = np.where(still, 0.0, scores - scores.mean(0))
    return result, unit


def split(columns: Float[np.ndarray, "rows columns"], known: Bool[np.ndarray, " rows"], grid: Grid) -> Parts:
    """Return what columns say at each level, from the known rows.

    Args:
        columns: numbers for each row; anything where unknown.
        known: which rows are known.
        grid: the rows as a grid.
    """
    levels, rows = levels_of(grid), np.flatnonzero(known)
    width = columns.shape[1]
    parts = {
        "arms": np.full((grid.arms, width), np.nan),
        "replicates": np.full((grid.replicates, width), np.nan),
        "cells": np.full((len(known), width), np.nan),
    }
    if len(rows):
        rest: Float[np.ndarray, "known columns"] = columns[rows] - columns[rows].mean(0)
        arm, replicate = grid.arm[rows], grid.replicate[rows]
        if "replicates" in levels:
            rest = _take_out(rest, replicate, parts["replicates"])
        if "arms" in levels:
            rest = _take_out(rest, arm, parts["arms"])
        if "cells" in levels:
            parts["cells"][rows] = rest
    return {level: parts[level] for level in levels}


def _take_out(
    rest: Float[np.ndarray, "known columns"], unit: Int[np.ndarray, " known"], means: Float[np.ndarray, "units columns"]
) -> Float[np.ndarray, "known columns"]:
    """Write the mean over each unit, about their mean, and return what is left."""
    count = np.bincount(unit, minlength=len(means))
    sums = np.stack([np.bincount(unit, column, minlength=len(means)) for column in rest.T], axis=1)
    seen = count > 0
    found = sums[seen] / count[seen, None]
    means[seen] = found - found.mean(0)
    left: Float[np.ndarray, "known columns"] = rest - (sums / np.maximum(count, 1)[:, None])[unit]
    return left


def at_rows(level: str, units: Float[np.ndarray, " *units"], grid: Grid) -> Float[np.ndarray, " *rows"]:
    """Return what each row has of a level."""
    if level == "cells":
        return units
    found: Float[np.ndarray, " *rows"] = units[grid.arm if level == "arms" else grid.replicate]
    return found


@dataclass(frozen=True)
class Sizes:
    """Prior variances of one question's levels, squared readout units.

    Attributes:
        arm: of what all replicates of an arm share.
        replicate: of the level of a replicate.
        cell: of a cell beyond both.
    """

    arm: float
    replicate: float
    cell: float

    def of(self, level: str, grid: Grid) -> float:
        """Return the variance of a level's units, as `split` gives them for a whole table."""
        if level == "arms":
            return self.arm + self.cell / grid.replicates
        return self.replicate + self.cell / grid.arms if level == "replicates" else self.cell

    def covered(self, level: str, known: Bool[np.ndarray, " rows"], grid: Grid) -> Float[np.ndarray, " units"]:
        """Return how much of each unit of a level is told by the known rows: 0 none, 1 all of it.

        The mean over n of N cells misses the mean over all by cell / n (1 - n / N).
        """
        if level == "cells":
            return known.astype(np.float64)
        unit, units, own = (
            (grid.arm, grid.arms, self.arm) if level == "arms" else (grid.replicate, grid.replicates, self.replicate)
        )
        seen = np.bincount(unit[known], minlength=units)
        whole = np.bincount(unit, minlength=units)
        missed = self.cell / np.maximum(seen, 1) * (1 - seen / np.maximum(whole, 1))
        told = (own + self.cell / np.maximum(whole, 1)) / np.maximum(
            own + self.cell / np.maximum(whole, 1) + missed, 1e-300
        )
        return np.where(seen > 0, told, 0.0)
