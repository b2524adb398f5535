"""What the statistician knows of a question where the records of its task are at hand."""

from __future__ import annotations

from collections.abc import Sequence

from istar.executors.statistician.fidelity.prior import FidelityPrior
from istar.executors.statistician.knowledge import Knowledge
from istar.executors.statistician.table_model.priors import pool
from istar.questions import Question
from istar.rewards.blind import blind_answer
from istar.truth.effects.records import TableEffects


def knowledge_of(
    question: Question, records: Sequence[TableEffects], fidelity: FidelityPrior | None = None
) -> Knowledge:
    """Return what is known of a question from the records of its task; its own is left out.

    Args:
        question: the question.
        records: of the task's questions.
        fidelity: what a method was worth on the others.
    """
    others = [each for each in records if each.question != question.hash]
    blind = blind_answer(question.structure, question.functional, others)
    return Knowledge(pool(others, question.hash), blind, fidelity)
