"""What the model reads besides sources: pages of the manual, and training questions with their true values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from istar.methods import manual
from istar.researchers.language_model.writing import CallError

if TYPE_CHECKING:
    from istar.researchers.workbench import Workbench

ROWS = 6
"""Rows of a question that are shown, from its first to its last."""
TEXT = 600
"""The most characters of a row's text; of a longer one the end is shown."""


def page(name: str) -> str:
    """Return a page of the manual.

    Raises:
        CallError: there is none of this name.
    """
    if name not in manual.pages():
        raise CallError(f"there is no page {name!r:.80}; there are {', '.join(manual.pages())}")
    return manual.page(name)


def task_rows(workbench: Workbench, task: str) -> str:
    """Return the first training question of a task, some of its rows with their values, and its answer, as JSON.

    Raises:
        CallError: there is no such task.
    """
    if task not in workbench.tasks:
        raise CallError(f"there is no training task {task!r:.80}; there are {', '.join(workbench.tasks)}")
    shown = workbench.questions(task)[0]
    question, alone = shown.question, shown.prices.row_flops
    last = len(question.runs) - 1
    places = sorted({round(place * last / (ROWS - 1)) for place in range(ROWS)})
    found: dict[str, Any] = {
        "task": task,
        "functional": question.functional.to_json(),
        "answer": [round(float(each), 4) for each in shown.answer.ravel()[:50]],
        "structure": [{"name": each.name, "role": each.role} for each in question.structure.columns],
        "total_rows": len(question.runs),
        "rows": [
            {
                "row": row,
                "text": shown.texts[row][-TEXT:],
                **{name: value for name, value in question.runs[row].to_json().items() if name != "tokens"},
                "tokens": len(question.runs[row].tokens),
                "structure": {each.name: each.values[row] for each in question.structure.columns},
                "flops_alone": int(alone[row]),
                "value": round(float(shown.values[row]), 4),
            }
            for row in places
        ],
    }
    return json.dumps(found, indent=1, ensure_ascii=False)
