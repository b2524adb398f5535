"""What is within reach of one look: what the executor saves that is offered the truth at its price.

A method that reads a question once and then knows every answer is offered to the executor like any other, with what it
was worth on other questions of the task. The multiplier that comes of it is what is within reach there: it holds the
room of the question, the price of a look and what the executor hears, in one figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from istar.arms.planted import curves_with, planted_recording
from istar.rewards.budgets import shares_of
from istar.rewards.crossing import crossings

if TYPE_CHECKING:
    from istar.arms.replays import Replays
    from istar.rewards.curves import Curve
    from istar.truth import Table

QUESTIONS = 4
"""Of so many questions of a task each is asked, with the others known."""


def reachable(replays: Replays, tables: Sequence[Table], prices: Mapping[str, float], level: float) -> float:
    """Return the compute multiplier with the truth at given prices, the geometric mean over questions.

    Args:
        replays: the executor, which knows the task.
        tables: the questions; of one alone nothing is known beforehand.
        prices: of the truth about all rows of each question, as a share of brute force, by question.
        level: the skill at which costs are compared.
    """
    said = {
        each.question.hash: planted_recording(each, each.values[:, None], prices[each.question.hash]) for each in tables
    }
    logs = []
    for table in tables:
        others = [each for each in tables if each is not table]
        with_truth = curves_with(replays, table, others, said, "the truth at the price of one look")
        logs.append(_log_cost(replays.baseline(table).curves, level) - _log_cost(with_truth, level))
    return float(np.exp(np.mean(logs)))


def _log_cost(curves: Sequence[Curve], level: float) -> float:
    skill = np.mean([curve.skill for curve in curves], axis=0)
    return float(crossings(skill, np.log(shares_of(curves[0])), level).log_cost)
