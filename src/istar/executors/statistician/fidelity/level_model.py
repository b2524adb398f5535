"""The prior of one question's table, level by level: what `table_model` believes, told apart."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.executors.statistician.fidelity.levels import Levels
from istar.executors.statistician.settings import JITTER
from istar.executors.statistician.table_model.process import Hyperparameters, Kernels
from istar.truth.effects.components import REPLICATE, ModelSpace


class LevelModel:
    """The prior of one question's table, level by level.

    Args:
        space: the model of the question.
        beliefs: the hyperparameters.
        kernels: the same, spelled out.
        weights: of a linear answer, on the cells; None if it is not linear.

    Attributes:
        levels: the levels of the grid.
        names: their names.
        level: variance of the level of a replicate among what is peculiar to replicates.
        fixed: which fixed effects belong to a level; all those of arms to "arms", the intercept to "nothing".
        arm: prior variance of what all replicates of an arm share, contrasts apart.
        replicate: of the level of a replicate.
        cell: of a cell beyond both.
        dilution: variance of a contrast that a variance 1 of every cell leads to.
        offset: variance of the mean of all rows but for the intercept; no level holds it, and no channel tells it.
    """

    def __init__(
        self,
        space: ModelSpace,
        beliefs: Hyperparameters,
        kernels: Kernels,
        weights: Float[np.ndarray, "outputs arms replicates"] | None,
    ) -> None:
        """See the class docstring."""
        grid = space.grid
        self.grid, self.kernels = grid, kernels
        compared = grid.arms > 1 and bool((grid.present.sum(0) > 1).any())
        self.level = beliefs.variances.get(REPLICATE, 0.0) if compared and grid.replicates > 1 else 0.0
        self.fixed = {each: self._columns(space, each) for each in ("arms", "replicates", "cells", "nothing")}
        fixed = {each: self._fixed_variance(each) for each in self.fixed if each != "nothing"}
        arm = float(np.diag(kernels.common).mean()) if grid.arms > 1 else 0.0
        cell = float(np.diag(kernels.own).mean()) - self.level
        self.arm, self.replicate, self.cell = (
            arm + fixed["arms"],
            self.level + fixed["replicates"],
            cell + fixed["cells"],
        )
        self.levels = Levels.of(grid, weights, self._shared(), self.cell)
        self.names = self.levels.names
        self.arm -= float((self.levels.back**2).sum()) / grid.arms
        self.dilution = float((self.levels.into**2).sum()) / max(len(self.levels.into), 1) / grid.replicates

        every = kernels.fixed[grid.present].mean(0)
        every[self.fixed["nothing"]] = 0.0
        share = grid.present.sum(1) / grid.present.sum()
        self.offset = float(
            every @ kernels.fixed_covariance @ every
            + share @ kernels.common @ share
            + share @ kernels.own @ share / grid.replicates
        )

    def size(self, level: str) -> float:
        """Return the prior variance of a level's units, as `Levels.split` gives them for a whole table."""
        if level == "contrasts":
            return 1 + self.dilution * self.cell
        if level == "arms":
            return self.arm + self.cell / self.grid.replicates
        return self.replicate + self.cell / self.grid.arms if level == "replicates" else self.cell

    def covered(self, level: str, known: Bool[np.ndarray, " rows"]) -> Float[np.ndarray, " units"]:
        """Return how much of each unit of a level is told by the known rows: 0 none, 1 all of it.

        The mean over n of N cells misses the mean over all by cell / n (1 - n / N).
        """
        if level == "cells":
            return known.astype(np.float64)
        if level == "contrasts":
            return np.full(len(self.levels.into), self.levels.foretold(known)[1])
        unit = self.grid.replicate if level == "replicates" else self.grid.arm
        whole = np.bincount(unit)
        seen = np.bincount(unit[known], minlength=len(whole))
        missed = 1 / np.maximum(seen, 1) - 1 / np.maximum(whole, 1)
        own = self.replicate if level == "replicates" else self.arm
        all_told = own + self.cell / np.maximum(whole, 1)
        return np.where(seen > 0, all_told / np.maximum(all_told + self.cell * missed, 1e-300), 0.0)

    def _columns(self, space: ModelSpace, level: str) -> Int[np.ndarray, " effects"]:
        """Return which fixed effects belong to a level; the intercept to none."""
        grid, found = space.grid, []
        names = Levels.of(grid, None, self.kernels.common, 0.0).names
        for place, name in enumerate(space.fixed_names):
            column = grid.gather(space.fixed[:, :, place])
            if name == "intercept":
                mine = "nothing"
            elif len(names) == 1:
                mine = names[0]
            elif np.allclose(column, _means(column, grid.arm)[grid.arm]):
                mine = "arms"
            elif "replicates" in names and np.allclose(column, _means(column, grid.replicate)[grid.replicate]):
                mine = "replicates"
            else:
                mine = "cells"
            if mine == level:
                found.append(place)
        return np.array(found, dtype=np.int64)

    def at_arms(self) -> Float[np.ndarray, "arms effects"]:
        """Return the features of the fixed effects that belong to arms."""
        grid = self.grid
        some = grid.present.argmax(1)
        return np.asarray(self.kernels.fixed[np.arange(grid.arms), some][:, self.fixed["arms"]])

    def _shared(self) -> Float[np.ndarray, "arms arms"]:
        """Return the prior covariance of what the replicates of an arm share."""
        features = self.at_arms()
        return np.asarray(self.kernels.common + features @ self._fixed_covariance(self.fixed["arms"]) @ features.T)

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
        for level in ("arms", "replicates"):
            heard = told[level] > 0 if level in told else np.zeros(0, dtype=bool)
            if heard.all() or not heard.any():
                continue
            share = heard / heard.sum()
            if level == "arms":
                variance = float(share @ (self.levels.covariance + kernels.own / self.grid.replicates) @ share)
            else:
                mean = share @ kernels.fixed[:, :, self.fixed[level]].mean(0)
                variance = float(mean @ self._fixed_covariance(self.fixed[level]) @ mean) + self.level / heard.sum()
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
        contrasts = self.levels.back[arm] @ self.levels.back[arm].T
        parts = {
            "contrasts": contrasts,
            "arms": self.levels.covariance[np.ix_(arm, arm)] - contrasts,
            "replicates": np.where(same, self.level, 0.0) + self._fixed_at("replicates", arm, replicate),
            "cells": np.where(same, own, 0.0) + self._fixed_at("cells", arm, replicate),
        }
        if self.names == ("arms",):
            parts["arms"] = parts["arms"] + parts["cells"]
        found = [parts[level] for level in self.names]
        found[-1] = found[-1] + JITTER * (self.arm + self.cell) * np.eye(len(rows))
        return np.stack(found), self._fixed_at("nothing", arm, replicate) + self.offset

    def _fixed_at(
        self, level: str, arm: Int[np.ndarray, " rows"], replicate: Int[np.ndarray, " rows"]
    ) -> Float[np.ndarray, "rows rows"]:
        columns = self.fixed[level]
        features = self.kernels.fixed[arm, replicate][:, columns]
        return np.asarray(features @ self._fixed_covariance(columns) @ features.T)


def _means(column: Float[np.ndarray, " rows"], unit: Int[np.ndarray, " rows"]) -> Float[np.ndarray, " units"]:
    return np.asarray(np.bincount(unit, column) / np.maximum(np.bincount(unit), 1))
