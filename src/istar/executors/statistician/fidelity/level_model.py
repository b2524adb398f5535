"""The prior of one question's table, level by level: what `table_model` believes, told apart."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int

from istar.executors.statistician.fidelity.levels import Sizes, levels_of
from istar.executors.statistician.settings import (
    JITTER,
)
from istar.executors.statistician.table_model.process import (
    Hyperparameters,
    Kernels,
)
from istar.truth.effects.components import REPLICATE, ModelSpace


class LevelModel:
    """The prior of one question's table, level by level.

    Args:
        space: the model of the question.
        beliefs: the hyperparameters.
        kernels: the same, spelled out.

    Attributes:
        levels: the levels of the grid.
        sizes: their variances.
        level: variance of the level of a replicate among what is peculiar to replicates.
        offset: variance of the mean of all rows but for the intercept; no level holds it, and no channel tells it.
    """

    def __init__(self, space: ModelSpace, beliefs: Hyperparameters, kernels: Kernels) -> None:
        """See the class docstring."""
        grid = space.grid
        self.grid, self.kernels = grid, kernels
        self.levels = levels_of(grid)
        self.level = beliefs.variances.get(REPLICATE, 0.0) if "replicates" in self.levels else 0.0
        self.fixed = {each: self._columns(space, each) for each in (*self.levels, "nothing")}
        fixed = {each: self._fixed_variance(each) for each in self.levels}
        arm = float(np.diag(kernels.common).mean()) if grid.arms > 1 else 0.0
        cell = float(np.diag(kernels.own).mean()) - self.level
        self.sizes = Sizes(
            arm + fixed.get("arms", 0.0), self.level + fixed.get("replicates", 0.0), cell + fixed.get("cells", 0.0)
        )

        every = kernels.fixed[grid.present].mean(0)
        every[self.fixed["nothing"]] = 0.0
        share = grid.present.sum(1) / grid.present.sum()
        self.offset = float(
            every @ kernels.fixed_covariance @ every
            + share @ kernels.common @ share
            + share @ kernels.own @ share / grid.replicates
        )

    def _columns(self, space: ModelSpace, level: str) -> Int[np.ndarray, " effects"]:
        """Return which fixed effects belong to a level; the intercept to none."""
        grid, found = space.grid, []
        for place, name in enumerate(space.fixed_names):
            column = grid.gather(space.fixed[:, :, place])
            if name == "intercept":
                mine = "nothing"
            elif len(self.levels) == 1:
                mine = self.levels[0]
            elif np.allclose(column, _means(column, grid.arm)[grid.arm]):
                mine = "arms"
            elif "replicates" in self.levels and np.allclose(column, _means(column, grid.replicate)[grid.replicate]):
                mine = "replicates"
            else:
                mine = "cells"
            if mine == level:
                found.append(place)
        return np.array(found, dtype=np.int64)

    def _fixed_variance(self, level: str) -> float:
        columns = self.fixed[level]
        features = self.grid.gather(np.moveaxis(self.kernels.fixed[:, :, columns], -1, 0)).T
        features = features - features.mean(0)
        return float(np.einsum("re,ef,rf->", features, self._fixed_covariance(columns), features)) / len(features)

    def _fixed_covariance(self, columns: Int[np.ndarray, " some"]) -> Float[np.ndarray, "some some"]:
        covariance: Float[np.ndarray, "some some"] = self.kernels.fixed_covariance[np.ix_(columns, columns)]
        return covariance

    def offsets(self, told: Mapping[str, Float[np.ndarray, " units"]]) -> dict[str, float]:
        """Return the prior variance of the mean of those arms, and of those replicates, of which something is told.

        Signals are about the mean of what is known; how far that lies from the rest, no channel tells.
        """
        kernels, found = self.kernels, {}
        for level in self.levels:
            heard = told[level] > 0
            if level == "cells" or heard.all() or not heard.any():
                continue
            share = heard / heard.sum()
            features = kernels.fixed[:, :, self.fixed[level]].mean(1 if level == "arms" else 0)
            mean = share @ features
            variance = float(mean @ self._fixed_covariance(self.fixed[level]) @ mean)
            if level == "arms":
                variance += float(share @ (kernels.common + kernels.own / self.grid.replicates) @ share)
            else:
                variance += self.level / int(heard.sum())
            found[level] = variance
        return found

    def covariances(
        self, rows: Int[np.ndarray, " rows"]
    ) -> tuple[Float[np.ndarray, "levels rows rows"], Float[np.ndarray, "rows rows"]]:
        """Return the prior covariance of what rows have of each level, and of their intercept."""
        grid, kernels = self.grid, self.kernels
        arm, replicate = grid.arm[rows], grid.replicate[rows]
        same = replicate[:, None] == replicate[None, :]
        own = kernels.own[np.ix_(arm, arm)] - self.level
        parts = {
            "arms": kernels.common[np.ix_(arm, arm)] if grid.arms > 1 else 0.0 * own,
            "replicates": np.where(same, self.level, 0.0),
            "cells": np.where(same, own, 0.0),
        }
        if self.levels == ("arms",):
            parts["arms"] = parts["arms"] + parts["cells"]
        found = [parts[level] + self._fixed_at(level, arm, replicate) for level in self.levels]
        found[-1] = found[-1] + JITTER * (self.sizes.arm + self.sizes.cell) * np.eye(len(rows))
        return np.stack(found), self._fixed_at("nothing", arm, replicate) + self.offset

    def _fixed_at(
        self, level: str, arm: Int[np.ndarray, " rows"], replicate: Int[np.ndarray, " rows"]
    ) -> Float[np.ndarray, "rows rows"]:
        columns = self.fixed[level]
        features = self.kernels.fixed[arm, replicate][:, columns]
        return np.asarray(features @ self._fixed_covariance(columns) @ features.T)


def _means(column: Float[np.ndarray, " rows"], unit: Int[np.ndarray, " rows"]) -> Float[np.ndarray, " units"]:
    return np.asarray(np.bincount(unit, column) / np.maximum(np.bincount(unit), 1))
