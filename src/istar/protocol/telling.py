"""What a researcher is told of its methods, question by question: computed from what the ledger holds of them.

So a search that was killed tells the same when it goes on, to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from istar.protocol.shuffled_control import exchange_arms
from istar.researchers import ArmCurve, QuestionFeedback

if TYPE_CHECKING:
    from istar.arms.base import Evaluation
    from istar.rewards.curves import Curve
    from istar.rewards.formulas import Reward
    from istar.seeds import Seed
    from istar.truth.table import Table


@dataclass(frozen=True)
class Answered:
    """A training question that a method was asked.

    Attributes:
        table: the question.
        baseline: its evaluation without the method.
        interp: its evaluation with it.
    """

    table: Table
    baseline: Evaluation
    interp: Evaluation


def by_question(R: Reward, answered: Sequence[Answered], coins: Seed | None = None) -> tuple[QuestionFeedback, ...]:
    """Return how a method did on each question that it was asked.

    Args:
        R: the reward formula.
        answered: the questions, in the order asked.
        coins: decide in a shuffled control which arm is which; None where none is.
    """
    baseline = [curve for each in answered if each.interp.status == "ok" for curve in each.baseline.curves]
    interp = [curve for each in answered if each.interp.status == "ok" for curve in each.interp.curves]
    if coins is not None:
        baseline, interp = exchange_arms(baseline, interp, coins)
    rewards = R.by_question(baseline, interp) if interp else {}
    return tuple(
        QuestionFeedback(
            task=each.table.question.task,
            question=each.table.question.hash,
            index=each.table.question.index,
            reward=rewards.get((each.table.question.task, each.table.question.hash)),
            cost=each.interp.spending.flops / each.table.brute_flops,
            # where the method failed there is nothing that a coin could have exchanged
            baseline=_of(each.table, baseline if each.interp.status == "ok" else each.baseline.curves),
            interp=_of(each.table, interp),
            error=each.interp.reason,
        )
        for each in answered
    )


def _of(table: Table, curves: Sequence[Curve]) -> tuple[ArmCurve, ...]:
    """Return the curves of one question by seed, as a researcher is shown them."""
    mine = sorted((curve for curve in curves if curve.question_hash == table.question.hash), key=lambda each: each.seed)
    return tuple(
        ArmCurve(
            seed=curve.seed,
            budgets=curve.checkpoints,
            flops=curve.flops,
            skill=curve.skill,
            rows=curve.rows,
            channel_batches=curve.channel_batches,
            stop_flops=curve.stop_flops,
            stop_skill=curve.stop_skill,
        )
        for curve in mine
    )
