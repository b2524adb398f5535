"""Maxima, minima and tails: the best of several arms, and the worst rows of a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float

from istar.questions.functionals.base import (
    FUNCTIONALS,
    TIE,
    Answer,
    Design,
    Functional,
    FunctionalError,
    Values,
    one_per_level,
)
from istar.questions.structure import Structure

FOLLOWED = 12
"""At most this many arms are followed as possible winners."""


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
    design: ClassVar[Design] = "linearised"
    arm: str
    replicate: str

    @property
    def compared(self) -> str:
        """See the base class."""
        return self.arm

    def answer(self, values: Values, structure: Structure) -> Answer:
        """See the base class."""
        arm, odd = structure.levels(self.arm), structure.levels(self.replicate) % 2 == 1
        arms = int(arm.max()) + 1
        choosing = values[..., ~odd] @ one_per_level(arm[~odd], arms).T
        measured = values[..., odd] @ one_per_level(arm[odd], arms).T
        best = choosing.argmax(-1)
        return np.take_along_axis(measured, best[..., None], axis=-1)

    def loss(
        self, answer: Float[np.ndarray, " outputs"], values: Float[np.ndarray, " rows"], structure: Structure
    ) -> float:
        """See the class docstring."""
        return float(np.abs(answer - self.answer(values, structure)).sum())

    def linearised(
        self, draws: Float[np.ndarray, "draws rows"], structure: Structure
    ) -> Float[np.ndarray, "outputs rows"]:
        """See the base class.

        With p the probability that an arm is chosen, the answer's variance is about the p-weighted variance of the
        measured means, plus what choosing another arm than the present favourite would change. Each of the two terms of
        each arm is one output.
        """
        arm, odd = structure.levels(self.arm), structure.levels(self.replicate) % 2 == 1
        count = int(arm.max()) + 1
        member = (arm[None, :] == np.arange(count)[:, None]).astype(np.float64)
        choosing = member * ~odd / np.maximum((member * ~odd).sum(1, keepdims=True), 1)
        measuring = member * odd / np.maximum((member * odd).sum(1, keepdims=True), 1)
        chosen, measured = draws @ choosing.T, draws @ measuring.T
        chance = np.bincount(chosen.argmax(1), minlength=count) / len(draws)
        favourite = int(chance.argmax())
        expected = measured.mean(0)
        outputs = []
        for candidate in np.argsort(-chance, kind="stable")[:FOLLOWED]:
            if chance[candidate] == 0:
                break
            outputs.append(np.sqrt(chance[candidate]) * measuring[candidate])
            lead = chosen[:, candidate] - chosen[:, favourite]
            if candidate != favourite and lead.std() > 0:
                stake = abs(expected[candidate] - expected[favourite]) + 0.1 * measured[:, candidate].std()
                stake *= np.sqrt(chance[candidate] * (1 - chance[candidate])) / lead.std()
                outputs.append(stake * (choosing[candidate] - choosing[favourite]))
        return np.stack(outputs)


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

    def __post_init__(self) -> None:
        """Check the level."""
        if not 0 <= self.level <= 1:
            raise FunctionalError(f"a tail above the quantile {self.level}; give a level from 0 to 1")

    def answer(self, values: Values, structure: Structure) -> Answer:
        """See the base class."""
        ordered = np.sort(values, axis=-1)
        first = min(max(int(np.ceil(self.level * ordered.shape[-1])) - 1, 0), ordered.shape[-1] - 1)
        return np.stack([ordered[..., first], ordered[..., first:].mean(-1)], axis=-1)

    def row_worth(self, draws: Float[np.ndarray, "draws rows"], structure: Structure) -> Float[np.ndarray, " rows"]:
        """See the base class: how much each row's value matters to the quantile and to the mean above it."""
        rows = draws.shape[1]
        quantile = float(np.median(self.answer(draws, structure)[:, 0]))
        above = draws - quantile
        spread = float(draws.std())
        near = max(float((np.abs(above) < 0.25 * spread).mean()) / (0.5 * spread), 1e-6)
        crossing = (above > 0).var(0) / near**2
        beyond = np.maximum(above, 0.0).var(0) / (1 - self.level + 1 / rows) ** 2
        return np.asarray(crossing + beyond)

    def loss(
        self, answer: Float[np.ndarray, " outputs"], values: Float[np.ndarray, " rows"], structure: Structure
    ) -> float:
        """See the class docstring."""
        return float(np.abs(answer - self.answer(values, structure)).mean())


@FUNCTIONALS.register("floors")
@dataclass(frozen=True)
class Floors(Functional):
    """The least value of all, and the least value at each place: how low it goes, and where.

    The first output is the floor, the others the floor of each level of `place`. Half of the loss is the absolute error
    of the first output; the other half is the regret of looking where the answer's lowest place is: how much higher the
    floor is there than the true one. Both are in the readout's unit.

    Attributes:
        place: arm or trait column that names the place.
    """

    kind: ClassVar[str] = "floors"
    centre: ClassVar[Literal["mean", "median"]] = "median"
    place: str

    def answer(self, values: Values, structure: Structure) -> Answer:
        """See the base class."""
        place = structure.levels(self.place)
        if missing := sorted(set(range(int(place.max()) + 1)) - set(place.tolist())):
            raise FunctionalError(f"no row is at level {missing[0]} of {self.place!r}, so it has no floor")
        floors = [values[..., place == level].min(-1) for level in range(int(place.max()) + 1)]
        return np.stack([values.min(-1), *floors], axis=-1)

    def loss(
        self, answer: Float[np.ndarray, " outputs"], values: Float[np.ndarray, " rows"], structure: Structure
    ) -> float:
        """See the class docstring."""
        truth = self.answer(values, structure)
        lowest = answer[1:] <= answer[1:].min() + TIE
        return float(np.abs(answer[0] - truth[0]) + truth[1:][lowest].mean() - truth[0]) / 2
