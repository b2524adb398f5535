"""Functionals: how a column of values becomes the answer, and how an answer is scored.

A functional holds parameters only; it is given the values and the structure. Values may carry leading axes (posterior
draws), which every functional maps through. A loss is zero at the truth, never negative, and computed, never judged.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Int
from scipy.special import comb
from scipy.stats import rankdata

from istar.errors import IstarError
from istar.questions.structure import Structure
from istar.registry import Registry

FUNCTIONALS: Registry[type[Functional]] = Registry("functional")

Values = Float[np.ndarray, "*draws rows"]
Answer = Float[np.ndarray, "*draws outputs"]


class FunctionalError(IstarError):
    """A functional that does not fit the structure it was given."""


class Functional(ABC):
    """Base class; a subclass is a frozen dataclass of JSON values, registered under `kind`.

    Attributes:
        kind: the registry name.
        centre: which point of a posterior over answers minimises the expected loss.
    """

    kind: ClassVar[str]
    centre: ClassVar[Literal["mean", "median"]] = "mean"

    @abstractmethod
    def answer(self, values: Values, structure: Structure) -> Answer:
        """Return the answer of a column of values.

        Args:
            values: one value per row, in the readout's unit, with any leading axes.
            structure: the rows' structure.

        Raises:
            FunctionalError: the structure lacks what the functional needs.
        """

    def loss(
        self, answer: Float[np.ndarray, " outputs"], values: Float[np.ndarray, " rows"], structure: Structure
    ) -> float:
        """Return the loss of an answer against the true column; mean squared error unless a subclass says otherwise."""
        return float(np.mean((answer - self.answer(values, structure)) ** 2))

    def weights(self, structure: Structure) -> Float[np.ndarray, "outputs rows"] | None:
        """Return the matrix W with answer = W values where the functional is linear, else None."""
        return None

    def to_json(self) -> dict[str, Any]:
        """Return the functional as JSON values."""
        return {"kind": self.kind, **asdict(self)}  # type: ignore[call-overload]


class LinearFunctional(Functional):
    """A functional whose answer is a fixed matrix times the values."""

    @abstractmethod
    def weights(self, structure: Structure) -> Float[np.ndarray, "outputs rows"]:
        """Return the matrix W with answer = W values."""

    def answer(self, values: Values, structure: Structure) -> Answer:
        """See the base class."""
        answer: Answer = values @ self.weights(structure).T
        return answer


def functional_from_json(data: dict[str, Any]) -> Functional:
    """Return the functional that `to_json` described.

    Raises:
        UnknownNameError: no functional of that kind is registered.
    """
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items() if key != "kind"}
    return FUNCTIONALS.get(data["kind"])(**fields)


def _one_per_level(owner: Int[np.ndarray, " rows"], levels: int) -> Float[np.ndarray, "levels rows"]:
    """Return the matrix that averages rows within each level of `owner`."""
    matrix = (owner[None, :] == np.arange(levels)[:, None]).astype(np.float64)
    counts = matrix.sum(1, keepdims=True)
    if (counts == 0).any():
        raise FunctionalError(f"no row belongs to level {int(np.argmin(counts))} of {levels}")
    averages: Float[np.ndarray, "levels rows"] = matrix / counts
    return averages


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
        coalition = (switches << np.arange(players)[:, None]).sum(0)
        mean = _one_per_level(coalition, 2**players)
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

    def _design(
        self, structure: Structure
    ) -> tuple[Float[np.ndarray, "subsets rows"], Float[np.ndarray, "subsets switches"]]:
        subset = structure.levels(self.subset)
        mean = _one_per_level(subset, int(subset.max()) + 1)
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


@FUNCTIONALS.register("best_arm_mean")
@dataclass(frozen=True)
class BestArmMean(Functional):
    """Mean performance of the best arm, chosen on one half of the replicates and measured on the other.

    Choosing and measuring on different halves keeps the winner's curse out of the truth. Replicates of even level
    choose, those of odd level measure. The loss is the absolute error, in the readout's unit.

    Attributes:
        arm: arm column that names what is optimised.
        replicate: nuisance column that names the example.
    """

    kind: ClassVar[str] = "best_arm_mean"
    centre: ClassVar[Literal["mean", "median"]] = "median"
    arm: str
    replicate: str

    def answer(self, values: Values, structure: Structure) -> Answer:
        """See the base class."""
        arm, odd = structure.levels(self.arm), structure.levels(self.replicate) % 2 == 1
        arms = int(arm.max()) + 1
        choosing = values[..., ~odd] @ _one_per_level(arm[~odd], arms).T
        measured = values[..., odd] @ _one_per_level(arm[odd], arms).T
        best = choosing.argmax(-1)
        return np.take_along_axis(measured, best[..., None], axis=-1)

    def loss(
        self, answer: Float[np.ndarray, " outputs"], values: Float[np.ndarray, " rows"], structure: Structure
    ) -> float:
        """See the class docstring."""
        return float(np.abs(answer - self.answer(values, structure)).sum())


@FUNCTIONALS.register("upper_tail")
@dataclass(frozen=True)
class UpperTail(Functional):
    """The upper quantile of the values and the mean of those at or above it.

    The quantile is the smallest value with at least a share `level` of the rows at or below it. The loss is the mean
    absolute error of the two numbers, in the readout's unit.

    Attributes:
        level: between 0 and 1, 0.99 for the 0.99 quantile.
    """

    kind: ClassVar[str] = "upper_tail"
    centre: ClassVar[Literal["mean", "median"]] = "median"
    level: float

    def answer(self, values: Values, structure: Structure) -> Answer:
        """See the base class."""
        ordered = np.sort(values, axis=-1)
        first = min(max(int(np.ceil(self.level * ordered.shape[-1])) - 1, 0), ordered.shape[-1] - 1)
        return np.stack([ordered[..., first], ordered[..., first:].mean(-1)], axis=-1)

    def loss(
        self, answer: Float[np.ndarray, " outputs"], values: Float[np.ndarray, " rows"], structure: Structure
    ) -> float:
        """See the class docstring."""
        return float(np.abs(answer - self.answer(values, structure)).mean())
