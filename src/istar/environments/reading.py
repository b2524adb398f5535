"""What an episode's reading tools answer about questions and scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from istar.researchers import Trained

if TYPE_CHECKING:
    from istar.truth.table import Table


def question_index(tasks: Mapping[str, Sequence[Table]], rewarded: set[str]) -> list[dict[str, Any]]:
    """Return what is known of each question before it is read.

    Args:
        tasks: the questions by task.
        rewarded: hashes of those that the reward asks.
    """
    return [
        {
            "task": task,
            "question": table.question.hash,
            "index": table.question.index,
            "rows": len(table.question.runs),
            "brute_flops": table.brute_flops,
            "rewarded": table.question.hash in rewarded,
        }
        for task, tables in tasks.items()
        for table in tables
    ]


def question_rows(
    table: Table, rewarded: bool, first: int, rows: int, decode: Callable[[Sequence[int]], str]
) -> dict[str, Any]:
    """Return rows of a question with their values, and its answer, as JSON values.

    Args:
        table: the question.
        rewarded: whether the reward asks it.
        first: the first row.
        rows: how many.
        decode: gives the text of tokens.
    """
    question = table.question
    last = min(first + rows, len(question.runs))
    alone = table.prices.row_flops
    return {
        "task": question.task,
        "question": question.hash,
        "rewarded": rewarded,
        "functional": question.functional.to_json(),
        "structure": [{"name": each.name, "role": each.role} for each in question.structure.columns],
        "total_rows": len(question.runs),
        "brute_flops": table.brute_flops,
        "answer": table.answer.tolist(),
        "rows": [
            {
                "row": row,
                "text": decode(question.runs[row].tokens),
                **question.runs[row].to_json(),
                "structure": {each.name: each.values[row] for each in question.structure.columns},
                "flops_alone": int(alone[row]),
                "value": float(table.values[row]),
            }
            for row in range(first, last)
        ],
    }


def score_summary(scored: Trained, asked: Sequence[str]) -> dict[str, Any]:
    """Return a score without its curves.

    Args:
        scored: the score.
        asked: hashes of the questions that were to be asked.
    """
    reached = {each.question for each in scored.questions}
    return {
        "reward": scored.reward,
        "error": scored.error,
        "questions": [
            {
                "task": each.task,
                "question": each.question,
                "reward": each.reward,
                "cost": each.cost,
                "error": each.error,
            }
            for each in scored.questions
        ],
        "not_asked": [each for each in asked if each not in reached],
    }
