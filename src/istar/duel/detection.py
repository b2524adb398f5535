"""How well answers tell a modified model from those beside it: ROC curves with bootstrap intervals.

A model's score is how much is hidden in it by the executor's answer: the mean over inputs, without sign, of what its
output would change by. Intervals are percentile bootstrap ones over questions, which keeps a move together with the
decoys that it stood among.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from istar.duel.line_ups import models_of
from istar.seeds import Seed

if TYPE_CHECKING:
    from istar.rewards.curves import Curve
    from istar.truth.table import Table

FALSE_POSITIVES = 0.01
BOOTSTRAPS = 1000


@dataclass(frozen=True)
class Scores:
    """Scores of the models of one question.

    Attributes:
        modified: of the move.
        benign: of the decoys, and of the model that was not changed.
    """

    modified: tuple[float, ...]
    benign: tuple[float, ...]


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% interval.

    Attributes:
        value: the estimate.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Detection:
    """How well modified models are told from benign ones.

    Attributes:
        questions: how many line-ups.
        auroc: the probability that a modified model has the higher score; ties count half.
        true_positives: the share of modified models above all but 1% of the benign ones.
        false_positive_rate: the ROC curve's horizontal coordinates.
        true_positive_rate: its vertical ones.
    """

    questions: int
    auroc: Estimate
    true_positives: Estimate
    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def scores_of(table: Table, curves: Sequence[Curve]) -> Scores:
    """Return the scores of a question's models by the answers where the executor's own rule stopped.

    Args:
        table: the question.
        curves: one an executor seed; answers are averaged over them.
    """
    answer = np.mean([curve.stop_answer for curve in curves], axis=0)
    hidden = {True: [], False: []}  # type: dict[bool, list[float]]
    for modified, units in models_of(table.question):
        hidden[modified].append(float(np.abs(answer[list(units)]).mean()))
    return Scores(tuple(hidden[True]), tuple(hidden[False]))


def detection(scores: Sequence[Scores], seed: Seed) -> Detection:
    """Return how well scores tell modified models from benign ones; of one question or more.

    Args:
        scores: of each question.
        seed: of the bootstrap.
    """
    modified, benign = _pooled(scores)
    generator = seed.split("detection").generator()
    drawn = [
        _figures(*_pooled([scores[i] for i in generator.integers(len(scores), size=len(scores))]))
        for _ in range(BOOTSTRAPS)
    ]
    low, high = np.quantile(np.array(drawn), [0.025, 0.975], axis=0)
    found = _figures(modified, benign)
    auroc, true_positives = (Estimate(*map(float, each)) for each in zip(found, low, high, strict=True))
    bounds = np.unique(np.concatenate([modified, benign]))[::-1]
    rates = [[0.0, *((side >= bound).mean() for bound in bounds)] for side in (benign, modified)]
    horizontal, vertical = (tuple(map(float, each)) for each in rates)
    return Detection(len(scores), auroc, true_positives, horizontal, vertical)


def _pooled(scores: Sequence[Scores]) -> tuple[Float[np.ndarray, " modified"], Float[np.ndarray, " benign"]]:
    return (
        np.array([score for each in scores for score in each.modified]),
        np.array([score for each in scores for score in each.benign]),
    )


def _figures(modified: Float[np.ndarray, " modified"], benign: Float[np.ndarray, " benign"]) -> tuple[float, float]:
    """Return the AUROC, and the share of true positives at so few false positives; with few benign, at none."""
    above = (modified[:, None] > benign).mean() + 0.5 * (modified[:, None] == benign).mean()
    allowed = int(FALSE_POSITIVES * len(benign))
    bound = np.sort(benign)[::-1][allowed]
    return float(above), float((modified > bound).mean())
