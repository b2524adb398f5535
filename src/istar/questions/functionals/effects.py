"""Effects of what is present: Shapley values, removal effects, datamodels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from scipy.special import comb

from istar.questions.functionals.base import FUNCTIONALS, FunctionalError, LinearFunctional, one_per_level
from istar.questions.structure import Structure

LISTED = 2**16
"""So many coalitions are listed without a thought for memory."""


@FUNCTIONALS.register("shapley_values")
@dataclass(frozen=True)
class ShapleyValues(LinearFunctional):
    """Exact Shapley value of every switch in the game v(S) = mean value of the rows with exactly S switched on.

    Source: L. S. Shapley, A value for n-person games (1953). The unit is the readout's.
    """

    kind: ClassVar[str] = "shapley_values"

    def weights(self, structure: Structure) -> Float[np.ndarray, "outputs rows"]:
        """See the base class."""
        columns = structure.of("switch")
        if not columns:
            raise FunctionalError("Shapley values need switch columns, one a player; the structure has none")
        switches = np.stack([column.array for column in columns]).astype(np.int64)
        players = len(switches)
        if 2**players > max(structure.rows, LISTED):  # fewer are listed below, and the first that is missing is named
            raise FunctionalError(
                f"Shapley values of {players} players need all {2**players} coalitions, and there are {structure.rows} "
                "rows; ask for the effects of sampled ones (`DatamodelEffects`)"
            )
        coalition = (switches << np.arange(players)[:, None]).sum(0)
        mean = one_per_level(coalition, 2**players)
        member = (np.arange(2**players)[None, :] >> np.arange(players)[:, None]) & 1
        size = member.sum(0)
        joining = 1.0 / (players * comb(players - 1, np.maximum(size - 1, 0)))
        leaving = 1.0 / (players * comb(players - 1, np.minimum(size, players - 1)))
        weights: Float[np.ndarray, "outputs rows"] = np.where(member == 1, joining, -leaving) @ mean
        return weights


@FUNCTIONALS.register("removal_effects")
@dataclass(frozen=True)
class RemovalEffects(LinearFunctional):
    """Leave-one-out effects: for each unit, the mean value of the full run minus the mean value without each part.

    Attributes:
        unit: arm column that names the unit (a context).
        removed: arm column that names the part removed; level 0 is the full run, level i + 1 lacks part i.
    """

    kind: ClassVar[str] = "removal_effects"
    unit: str
    removed: str

    @property
    def measured_against(self) -> str:
        """See the base class."""
        return self.removed

    def weights(self, structure: Structure) -> Float[np.ndarray, "outputs rows"]:
        """See the base class."""
        unit, removed = structure.levels(self.unit), structure.levels(self.removed)
        effects = []
        for context in np.unique(unit):
            inside = unit == context
            full = inside & (removed == 0)
            if not full.any():
                raise FunctionalError(f"unit {context} has no full run (level 0 of {self.removed!r})")
            for part in np.unique(removed[inside & (removed > 0)]):
                without = inside & (removed == part)
                effects.append(full / full.sum() - without / without.sum())
        if not effects:
            raise FunctionalError(f"no row lacks a part (levels above 0 of {self.removed!r}), so nothing has an effect")
        return np.stack(effects)


@FUNCTIONALS.register("datamodel_effects")
@dataclass(frozen=True)
class DatamodelEffects(LinearFunctional):
    """Least-squares effect of every switch over sampled subsets, scored by the linear datamodeling score.

    The answer is the slope of each switch in a least-squares fit, with intercept, of the mean value of each subset.
    The linear datamodeling score (LDS) of effects is the Spearman correlation, over held-out subsets, of the sum of
    the effects of what is present with the true mean value (Park et al., TRAK, 2023; Cohen-Wang et al., ContextCite,
    2024). The loss is the LDS of the true effects minus the LDS of the answer, at least 0.

    Attributes:
        subset: arm column that names the subset.
        held_out: how many of the highest levels of `subset` serve the score alone.
    """

    kind: ClassVar[str] = "datamodel_effects"
    subset: str
    held_out: int

    def __post_init__(self) -> None:
        """Check that there is something to rank: of one subset any effects are in the right order."""
        if self.held_out < 2:
            raise FunctionalError(f"a score on {self.held_out} held-out subsets ranks nothing; hold out 2 at least")

    def _design(
        self, structure: Structure
    ) -> tuple[Float[np.ndarray, "subsets rows"], Float[np.ndarray, "subsets switches"]]:
        subset = structure.levels(self.subset)
        mean = one_per_level(subset, int(subset.max()) + 1)
        switches = np.stack([column.array for column in structure.of("switch")], axis=1)
        if len(mean) <= self.held_out + switches.shape[1]:
            raise FunctionalError(
                f"{len(mean)} subsets with {self.held_out} held out cannot determine {switches.shape[1]} effects"
            )
        return mean, mean @ switches

    def weights(self, structure: Structure) -> Float[np.ndarray, "outputs rows"]:
        """See the base class."""
        mean, switches = self._design(structure)
        fit = slice(0, len(mean) - self.held_out)
        design = np.concatenate([np.ones((len(mean) - self.held_out, 1)), switches[fit]], axis=1)
        slopes: Float[np.ndarray, "outputs rows"] = (np.linalg.pinv(design) @ mean[fit])[1:]
        return slopes

    def score(
        self, answer: Float[np.ndarray, " outputs"], values: Float[np.ndarray, " rows"], structure: Structure
    ) -> float:
        """Return the linear datamodeling score of effects, between -1 and 1; constant predictions score 0."""
        mean, switches = self._design(structure)
        from scipy.stats import rankdata  # slow to import

        predicted = rankdata(np.round(switches[-self.held_out :] @ answer, 12))
        actual = rankdata((mean @ values)[-self.held_out :])
        if predicted.std() == 0 or actual.std() == 0:
            return 0.0
        return float(np.corrcoef(predicted, actual)[0, 1])

    def loss(
        self, answer: Float[np.ndarray, " outputs"], values: Float[np.ndarray, " rows"], structure: Structure
    ) -> float:
        """See the class docstring."""
        truth = self.score(self.answer(values, structure), values, structure)
        return max(0.0, truth - self.score(answer, values, structure))
