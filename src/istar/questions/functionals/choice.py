"""Choosing the best of several arms by their mean values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import ndtr

from istar.questions.functionals.arms import ArmScores
from istar.questions.functionals.base import FUNCTIONALS, TIE, Contest, Design
from istar.questions.structure import Structure

CONTENDING = 0.1
"""An arm contends while looking at it promises at least this share of what the most promising one does."""


@FUNCTIONALS.register("arm_choice")
@dataclass(frozen=True)
class ArmChoice(ArmScores):
    """The mean value of each arm, scored by what choosing on it would bring.

    The loss is the regret of the answer's best arm (the true score of the truly best arm minus that of the chosen one,
    averaged over ties), plus `curve` times the mean absolute error of all scores, plus `value` times the absolute error
    of the score that the answer gives to the arm it chooses. All are in the readout's unit.

    Attributes:
        lowest: the best arm is the one with the lowest score.
        curve: weight of the error of all scores.
        value: weight of the error of the chosen arm's score.
    """

    kind: ClassVar[str] = "arm_choice"
    design: ClassVar[Design] = "contest"
    lowest: bool = False
    curve: float = 0.0
    value: float = 0.0

    def loss(
        self, answer: Float[np.ndarray, " outputs"], values: Float[np.ndarray, " rows"], structure: Structure
    ) -> float:
        """See the class docstring."""
        sign = -1.0 if self.lowest else 1.0
        truth = self.answer(values, structure)
        chosen = sign * answer >= (sign * answer).max() - TIE
        regret = float((sign * truth).max() - (sign * truth[chosen]).mean())
        error = np.abs(answer - truth)
        return regret + self.curve * float(error.mean()) + self.value * float(error[chosen].mean())

    def contest(self, draws: Float[np.ndarray, "draws rows"], structure: Structure) -> Contest:
        """See the base class: the arms that may still be chosen, and the reference that all are compared with."""
        weights = self.weights(structure)
        scores = draws @ weights.T
        gain, contends = self.promise(scores)
        matters = np.abs(weights) > 0
        if self.reference:
            gain, contends = np.append(gain, gain.max()), np.append(contends, True)  # every comparison needs it
            matters = np.concatenate([matters & (structure.levels(self.arm) > 0), matters.all(0)[None, :]])
        chosen = self._chosen(scores)
        row_gain = (matters[contends] * gain[contends][:, None]).max(0)
        chosen_gain = self.value * float(scores[:, chosen].std()) if self.value > 0 else 0.0
        return Contest(row_gain, matters[chosen], chosen_gain, len(weights))

    def promise(
        self, scores: Float[np.ndarray, "draws outputs"]
    ) -> tuple[Float[np.ndarray, " outputs"], Bool[np.ndarray, " outputs"]]:
        """Return what exact knowledge of each output promises to take off the loss, and which outputs to look at.

        For the regret that is the expected improvement over the best of the others, or, for the best one, the second
        best's over it (P. Frazier, W. Powell and S. Dayanik, The knowledge-gradient policy, 2009), by what is open of
        their difference: a level that all arms share decides nothing. For the curve it is the output's standard
        deviation. Worth a look are those that may still be chosen.

        Args:
            scores: draws of all outputs.
        """
        merit = -scores if self.lowest else scores
        mean, spread = merit.mean(0), np.maximum(merit.std(0), 1e-300)
        if len(mean) == 1:
            return spread, np.ones(1, dtype=bool)
        best, second = np.argsort(-mean, kind="stable")[:2]
        rival = np.full(len(mean), best)
        rival[best] = second
        open_ = np.maximum((merit - merit[:, rival]).std(0), 1e-300)
        gap = np.maximum(-np.abs(mean - mean[rival]) / open_, -30.0)
        gain = open_ * (np.exp(-(gap**2) / 2) / np.sqrt(2 * np.pi) + gap * ndtr(gap))
        gain += self.curve * spread / len(mean)
        contends = gain >= CONTENDING * gain.max()
        contends[best] = True
        return gain, contends

    def _chosen(self, scores: Float[np.ndarray, "draws outputs"]) -> int:
        """Return the output that would be chosen now."""
        mean = scores.mean(0)
        return int((-mean if self.lowest else mean).argmax())
