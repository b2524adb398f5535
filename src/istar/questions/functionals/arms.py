"""Means of arms: their curve, their ranking, their spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float

from istar.questions.functionals.base import (
    FUNCTIONALS,
    TIE,
    Answer,
    Functional,
    FunctionalError,
    LinearFunctional,
    Values,
    one_per_level,
)
from istar.questions.structure import Structure


@dataclass(frozen=True)
class ArmScores(LinearFunctional):
    """The mean value of each arm, or how much it is above that of arm 0.

    Attributes:
        arm: arm column that names what is compared; levels 0..n-1.
        reference: subtract the mean of arm 0, which then has no output of its own.
    """

    arm: str
    reference: bool = False

    @property
    def compared(self) -> str:
        """See the base class."""
        return self.arm

    def weights(self, structure: Structure) -> Float[np.ndarray, "outputs rows"]:
        """See the base class."""
        arm = structure.levels(self.arm)
        means = one_per_level(arm, int(arm.max()) + 1)
        if not self.reference:
            return means
        if len(means) < 2:
            raise FunctionalError(f"there is nothing to compare with arm 0 of {self.arm!r}")
        above: Float[np.ndarray, "outputs rows"] = means[1:] - means[0]
        return above


@FUNCTIONALS.register("arm_means")
@dataclass(frozen=True)
class ArmMeans(ArmScores):
    """The mean value of each arm; the loss is the mean squared error, in the readout's unit squared."""

    kind: ClassVar[str] = "arm_means"


@FUNCTIONALS.register("arm_ranking")
@dataclass(frozen=True)
class ArmRanking(ArmScores):
    """The mean value of each arm, scored for size and for order.

    The loss is the mean of two parts without unit: the mean squared error over the variance of the true scores, and
    one minus the Spearman correlation with them. Where either has no variance the correlation counts as 0, unless the
    answer is right.
    """

    kind: ClassVar[str] = "arm_ranking"

    def loss(
        self, answer: Float[np.ndarray, " outputs"], values: Float[np.ndarray, " rows"], structure: Structure
    ) -> float:
        """See the class docstring."""
        truth = self.answer(values, structure)
        if len(truth) < 2:
            raise FunctionalError(f"a single arm of {self.arm!r} cannot be ranked; give 2 at least")
        error = float(np.mean((answer - truth) ** 2))
        if error <= TIE**2:
            return 0.0
        from scipy.stats import rankdata  # slow to import

        mine, right = rankdata(np.round(answer, 12)), rankdata(np.round(truth, 12))
        agreement = 0.0 if mine.std() == 0 or right.std() == 0 else float(np.corrcoef(mine, right)[0, 1])
        return error / max(float(truth.var()), TIE) / 2 + max(0.0, 1 - agreement) / 2


Statistic = Literal["mean", "spread", "best", "low"]


@FUNCTIONALS.register("arm_spread")
@dataclass(frozen=True)
class ArmSpread(Functional):
    """How much arms differ: statistics of the arms' mean values.

    The outputs are the statistics in the order given: the mean over arms, the standard deviation over arms ("spread"),
    the greatest ("best"), the 10th percentile, linearly interpolated ("low"). The loss is their mean absolute error, in
    the readout's unit.

    Attributes:
        arm: arm column that names what is compared.
        statistics: which.
    """

    kind: ClassVar[str] = "arm_spread"
    centre: ClassVar[Literal["mean", "median"]] = "median"
    arm: str
    statistics: tuple[Statistic, ...]

    @property
    def compared(self) -> str:
        """See the base class."""
        return self.arm

    def answer(self, values: Values, structure: Structure) -> Answer:
        """See the base class."""
        arm = structure.levels(self.arm)
        means = values @ one_per_level(arm, int(arm.max()) + 1).T
        found = {
            "mean": lambda: means.mean(-1),
            "spread": lambda: means.std(-1),
            "best": lambda: means.max(-1),
            "low": lambda: np.quantile(means, 0.1, axis=-1),
        }
        return np.stack([found[statistic]() for statistic in self.statistics], axis=-1)

    def loss(
        self, answer: Float[np.ndarray, " outputs"], values: Float[np.ndarray, " rows"], structure: Structure
    ) -> float:
        """See the class docstring."""
        return float(np.abs(answer - self.answer(values, structure)).mean())
