"""Functionals of probabilities: calibration, rare events, when confidence stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

from istar.questions.functionals.base import FUNCTIONALS, Answer, Functional, FunctionalError, Values
from istar.questions.structure import Structure


@FUNCTIONALS.register("calibration")
@dataclass(frozen=True)
class Calibration(Functional):
    """Accuracy and expected calibration error of two-way answers.

    A value is the probability of the right one of two answers; it is right if above a half, and its confidence is the
    greater of both probabilities. The expected calibration error is the mean, weighted by size, of the difference
    between accuracy and mean confidence in bins of equal width of the confidence from 0.5 to 1 (Guo et al., On
    calibration of modern neural networks, 2017). The loss is the mean absolute error of the two outputs.

    Attributes:
        bins: how many bins.
    """

    kind: ClassVar[str] = "calibration"
    centre: ClassVar[Literal["mean", "median"]] = "median"
    bins: int = 10

    def __post_init__(self) -> None:
        """Check that there is a bin."""
        if self.bins < 1:
            raise FunctionalError(f"a calibration error over {self.bins} bins; give 1 at least")

    def answer(self, values: Values, structure: Structure) -> Answer:
        """See the base class."""
        right = np.clip(values, 0.0, 1.0)
        correct = (right > 0.5).astype(np.float64)
        confidence = np.maximum(right, 1 - right)
        bin_of = np.minimum(((confidence - 0.5) * 2 * self.bins).astype(np.int64), self.bins - 1)
        columns = np.arange(correct[..., 0].size).reshape(*values.shape[:-1], 1)
        place = (columns * self.bins + bin_of).reshape(-1)
        surplus = np.bincount(place, (correct - confidence).reshape(-1), columns.size * self.bins)
        error = np.abs(surplus.reshape(*values.shape[:-1], self.bins)).sum(-1)
        return np.stack([correct.mean(-1), error / values.shape[-1]], axis=-1)

    def loss(
        self, answer: Float[np.ndarray, " outputs"], values: Float[np.ndarray, " rows"], structure: Structure
    ) -> float:
        """See the class docstring."""
        return float(np.abs(answer - self.answer(values, structure)).mean())


@FUNCTIONALS.register("log_mean_probability")
@dataclass(frozen=True)
class LogMeanProbability(Functional):
    """The logarithm of the mean probability over rows, in nats; values are log-probabilities.

    The loss is the Itakura-Saito distance of the probabilities, p/q - log(p/q) - 1 with the truth p and the answer q,
    which asks for the right order of magnitude however rare the event.
    """

    kind: ClassVar[str] = "log_mean_probability"

    def answer(self, values: Values, structure: Structure) -> Answer:
        """See the base class."""
        mean: Answer = (logsumexp(values, axis=-1) - np.log(values.shape[-1]))[..., None]
        return mean

    def loss(
        self, answer: Float[np.ndarray, " outputs"], values: Float[np.ndarray, " rows"], structure: Structure
    ) -> float:
        """See the class docstring."""
        ratio = np.clip(self.answer(values, structure) - answer, -RATIO, RATIO)
        return float(np.mean(np.expm1(ratio) - ratio))


RATIO = 30.0
"""Log-ratios of probabilities beyond this, in nats, are as bad as this."""


@FUNCTIONALS.register("staying_crossing")
@dataclass(frozen=True)
class StayingCrossing(Functional):
    """For each unit, the first step from which the mean value stays above a threshold.

    Values are averaged over a unit's rows at a step. An output is a step as a share of the number of steps, between 0
    (from the start) and 1 (never: censored). The loss is the mean absolute error.

    Attributes:
        unit: arm column that names the unit.
        step: trait or arm column that counts steps from 0.
        threshold: in the readout's unit.
    """

    kind: ClassVar[str] = "staying_crossing"
    centre: ClassVar[Literal["mean", "median"]] = "median"
    unit: str
    step: str
    threshold: float

    def answer(self, values: Values, structure: Structure) -> Answer:
        """See the base class."""
        unit, step = structure.levels(self.unit), structure.levels(self.step)
        steps = int(step.max()) + 1
        cell = unit * steps + step
        cells = (int(unit.max()) + 1) * steps
        rows = np.bincount(cell, minlength=cells).reshape(-1, steps)
        ragged = (rows == 0).any(1) & (rows > 0).any(1)
        if ragged.any():
            raise FunctionalError(
                f"unit {int(np.argmax(ragged))} of {self.unit!r} has no row at one of the {steps} steps of "
                f"{self.step!r}; a crossing needs them all"
            )
        average = np.zeros((cells, len(cell)))
        average[cell, np.arange(len(cell))] = 1 / np.maximum(np.bincount(cell, minlength=cells), 1)[cell]
        means = (values @ average.T).reshape(*values.shape[:-1], -1, steps)
        stays = np.cumprod((means > self.threshold)[..., ::-1], axis=-1).sum(-1)
        crossing: Answer = 1.0 - stays / steps
        return crossing

    def loss(
        self, answer: Float[np.ndarray, " outputs"], values: Float[np.ndarray, " rows"], structure: Structure
    ) -> float:
        """See the class docstring."""
        return float(np.abs(answer - self.answer(values, structure)).mean())
