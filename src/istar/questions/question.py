"""A question: a table of runs without its values, and the functional that turns values into the answer."""

from __future__ import annotations

import hashlib
import json
from array import array
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from istar.errors import IstarError
from istar.questions.functionals import Functional, functional_from_json
from istar.questions.jsonable import describes
from istar.questions.runs import Run, run_from_json
from istar.questions.structure import Structure, structure_from_json


class QuestionError(IstarError):
    """A question whose parts do not fit together."""


@dataclass(frozen=True)
class QuestionView:
    """What a method is shown of a question: its rows and their structure, never a value, a name or an answer.

    Attributes:
        runs: the rows.
        structure: the structure columns, one entry a row.
    """

    runs: tuple[Run, ...]
    structure: Structure

    def to_json(self) -> dict[str, Any]:
        """Return the view as JSON values."""
        return {"runs": [run.to_json() for run in self.runs], "structure": self.structure.to_json()}


@describes("question")
def view_from_json(data: dict[str, Any]) -> QuestionView:
    """Return the view that `to_json` described."""
    return QuestionView(tuple(run_from_json(run) for run in data["runs"]), structure_from_json(data["structure"]))


@dataclass(frozen=True)
class Question:
    """One instance of a task; a function of family, data set, tokenizer and seed and of nothing else.

    Attributes:
        task: the task's name, `family/data_set`.
        index: which of the task's questions this is, from 0.
        runs: the rows of the table.
        structure: what is known about each row.
        functional: turns the column of values into the answer.
    """

    task: str
    index: int
    runs: tuple[Run, ...]
    structure: Structure
    functional: Functional

    def __post_init__(self) -> None:
        """Check that there are runs, one structure entry each, and that sealed ones come last."""
        if not self.runs:
            raise QuestionError(f"question {self.index} of {self.task} has no runs; a table needs a row at least")
        if len(self.runs) != self.structure.rows:
            raise QuestionError(
                f"question {self.index} of {self.task}: {len(self.runs)} runs but {self.structure.rows} structure rows"
            )
        sealed = self.structure.sealed
        if sealed.all() or (sealed[:-1] > sealed[1:]).any():
            raise QuestionError(f"question {self.index} of {self.task}: rows that are sealed must come after others")

    @property
    def family(self) -> str:
        """The registry name of the task's family."""
        return self.task.split("/", maxsplit=1)[0]

    @property
    def view(self) -> QuestionView:
        """What a method is shown; its rows have the same numbers, for the sealed ones come last."""
        open_rows = np.flatnonzero(~self.structure.sealed)
        if len(open_rows) == len(self.runs):
            return QuestionView(self.runs, self.structure)
        return QuestionView(self.runs[: len(open_rows)], self.structure.take(open_rows))

    @cached_property
    def hash(self) -> str:
        """SHA-256 over everything the question holds, 64 hexadecimal digits."""
        digest = hashlib.sha256()
        for run in self.runs:
            digest.update(array("q", run.tokens).tobytes())
            intervention = "" if run.intervention is None else run.intervention.key
            digest.update(f"{json.dumps(run.readout.to_json(), sort_keys=True)}|{intervention}\n".encode())
        for column in self.structure.columns:
            digest.update(f"{column.name}|{column.role}\n".encode())
            digest.update(array("d", column.values).tobytes())
        digest.update(json.dumps([self.task, self.index, self.functional.to_json()], sort_keys=True).encode())
        return digest.hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return the question as JSON values."""
        return {
            "task": self.task,
            "index": self.index,
            **QuestionView(self.runs, self.structure).to_json(),
            "functional": self.functional.to_json(),
        }


@describes("question")
def question_from_json(data: dict[str, Any]) -> Question:
    """Return the question that `to_json` described."""
    view = view_from_json(data)
    return Question(data["task"], data["index"], view.runs, view.structure, functional_from_json(data["functional"]))
