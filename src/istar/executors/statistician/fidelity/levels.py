"""The levels of a table at which channels are compared with values: arms, replicates, and cells beyond both.

A column c over arms a and replicates r is split, as in a two-way analysis of variance, into

    c_ar = mean + A_a + R_r + C_ar.

A channel may know which arm is best and nothing of single examples, or the other way round, so that each level has a
correlation of its own (a linear model of coregionalisation). Where a linear answer sees few contrasts of the arms, as
main effects are of subsets, A is split once more, into these contrasts and what is left. A stream of rows has cells
alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import ndtri
from scipy.stats import rankdata

from istar.executors.statistician.settings import CLIP, COLLINEAR, JITTER, LEAST_CONTRASTS
from istar.truth.effects.grid import Grid

ROUNDING = 1e-12
"""Parts of a column that vary less than this share of it are 0."""

Parts: TypeAlias = Mapping[str, Float[np.ndarray, "units columns"]]
"""What columns say at each level: a row a contrast, an arm, a replicate, or a row of the question; NaN if unknown."""


@dataclass(frozen=True)
class Levels:
    """The levels that a grid has, and how columns are told apart into them.

    Attributes:
        grid: the rows as a grid.
        into: contrasts of arm means that are standard normal a priori: those that the answer consists of, if they are
            at least three and fewer than half of the arms; else none, as all that can be said of arms is asked.
        back: what each arm has of them.
        covariance: prior covariance of what replicates of an arm share.
        cell: prior variance of what is each cell's own.
    """

    grid: Grid
    into: Float[np.ndarray, "contrasts arms"]
    back: Float[np.ndarray, "arms contrasts"]
    covariance: Float[np.ndarray, "arms arms"]
    cell: float

    @classmethod
    def of(
        cls,
        grid: Grid,
        weights: Float[np.ndarray, "outputs arms replicates"] | None,
        covariance: Float[np.ndarray, "arms arms"],
        cell: float,
    ) -> Levels:
        """Return the levels of a question.

        With W the centred weights of arms and K the covariance, the part of the arms that W sees is

            P A,  P = K W' (W K W')^+ W = B T,  T T' ~ I: its rest is independent of it a priori.

        Args:
            grid: the rows as a grid.
            weights: of a linear answer, on the cells; None if it is not linear.
            covariance: prior covariance of what replicates of an arm share.
            cell: prior variance of what is each cell's own.
        """
        none = cls(grid, np.zeros((0, grid.arms)), np.zeros((grid.arms, 0)), covariance, cell)
        if weights is None or grid.replicates == 1 or grid.arms < 2 * LEAST_CONTRASTS:
            return none
        of_arms = weights.sum(2)
        of_arms = of_arms - of_arms.mean(1, keepdims=True)
        sizes, directions = np.linalg.eigh(of_arms @ covariance @ of_arms.T)
        kept = sizes > COLLINEAR * max(float(sizes[-1]), 1e-300)
        if not LEAST_CONTRASTS <= int(kept.sum()) <= grid.arms // 2:
            return none
        into = (directions[:, kept] / np.sqrt(sizes[kept])).T @ of_arms
        return cls(grid, into, covariance @ into.T, covariance, cell)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The levels, those of arms first."""
        grid = self.grid
        if grid.arms == 1:
            return ("cells",)
        if grid.replicates == 1:
            return ("arms",)
        of_arms = ("contrasts", "arms") if len(self.into) else ("arms",)
        compared = bool((grid.present.sum(0) > 1).any())
        return (*of_arms, "replicates", "cells") if compared else (*of_arms, "cells")

    def split(self, columns: Float[np.ndarray, "rows columns"], known: Bool[np.ndarray, " rows"]) -> Parts:
        """Return what columns say at each level, from the known rows.

        Args:
            columns: numbers for each row; anything where unknown.
            known: which rows are known. Contrasts are what is expected of them, given the arms as far as known.
        """
        grid, rows, width = self.grid, np.flatnonzero(known), columns.shape[1]
        parts = {
            "contrasts": np.full((len(self.into), width), np.nan),
            "arms": np.full((grid.arms, width), np.nan),
            "replicates": np.full((grid.replicates, width), np.nan),
            "cells": np.full((len(known), width), np.nan),
        }
        if len(rows):
            rest: Float[np.ndarray, "known columns"] = columns[rows] - columns[rows].mean(0)
            arm, replicate = grid.arm[rows], grid.replicate[rows]
            if "replicates" in self.names:
                rest = _take_out(rest, replicate, parts["replicates"])
            if "arms" in self.names:
                rest = _take_out(rest, arm, parts["arms"])
            if "cells" in self.names:
                parts["cells"][rows] = rest
            for each in (parts[name] for name in self.names):  # what rounding leaves is nothing
                each[:, np.nan_to_num(each).std(0) <= ROUNDING * columns[rows].std(0)] *= 0.0
            if len(self.into):
                parts["contrasts"] = self.foretold(known)[0] @ np.nan_to_num(parts["arms"])
                parts["arms"] -= self.back @ parts["contrasts"]
        return {level: parts[level] for level in self.names}

    def foretold(self, known: Bool[np.ndarray, " rows"]) -> tuple[Float[np.ndarray, "contrasts arms"], float]:
        """Return how contrasts are foretold by means over the known rows of arms, and what share of their variance.

        With T = `into`, V = K + cell / R the prior covariance of means over all R replicates and V_n that of means over
        the known ones, it is T V V_n^-1, over the arms of which a row is known.
        """
        grid = self.grid
        seen = np.bincount(grid.arm[known], minlength=grid.arms)
        arms = np.flatnonzero(seen)
        whole = self.into @ self.covariance + self.into * self.cell / grid.replicates
        found = np.zeros_like(self.into)
        means = self.covariance[np.ix_(arms, arms)] + np.diag(self.cell / seen[arms])
        found[:, arms] = np.linalg.solve(means + JITTER * np.trace(means) * np.eye(len(arms)), whole[:, arms].T).T
        if (seen == grid.replicates).all():
            found = self.into
        return found, min(float((found * whole).sum() / (self.into * whole).sum()), 1.0)

    def at_rows(self, level: str, units: Float[np.ndarray, " *units"]) -> Float[np.ndarray, " *rows"]:
        """Return what each row has of a level."""
        if level == "cells":
            return units
        if level == "contrasts":
            units = self.back @ units
        found: Float[np.ndarray, " *rows"] = units[self.grid.replicate if level == "replicates" else self.grid.arm]
        return found

    def shares_at_rows(self, level: str, shares: Float[np.ndarray, " units"]) -> Float[np.ndarray, " rows"]:
        """Return the share, of each row's part of a level, that a share of each unit is; contrasts have the same."""
        if level == "contrasts":
            return np.full(len(self.grid.arm), shares[0])
        return self.at_rows(level, shares)


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
