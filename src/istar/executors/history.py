"""What may be known of a task before one of its questions is touched: its other questions, as plain data.

Nothing here is a belief. What an executor makes of it is its own state (`Executor.learn`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from istar.executors.executor import ExecutorError
from istar.executors.market import check_recording

if TYPE_CHECKING:
    from istar.methods.recording import Recording
    from istar.truth.table import Table


@dataclass(frozen=True, eq=False)
class Heard:
    """Another question of the task whose values are known, and what the method said of it.

    Attributes:
        table: the question with its values and prices.
        recording: what the method said.
        rows_left: budgets as shares of brute force, and the share of the blind answer's loss that the executor's own
            black-box arm leaves there, mean over its seeds.
    """

    table: Table
    recording: Recording
    rows_left: Float[np.ndarray, "budgets 2"]

    def __post_init__(self) -> None:
        """Check that the recording is one of the question, and that executors can compute with it."""
        check_recording(self.recording, self.table)


@dataclass(frozen=True, eq=False)
class History:
    """The other questions of a task, for the one that is asked next.

    Attributes:
        task: the task's name.
        target: the target's id.
        asked: hash of the question that is asked; it is none of `questions`.
        questions: hashes of the other questions whose tables are known, in their order.
        blind: the answer of skill 0 to the question asked (`istar.rewards.blind`): what to say where nothing is known.
        load: reads the tables of the other questions.
        recordings: what the method said, by question, on those on which it was asked; empty in the black-box arm.
        appraisals: what `Executor.appraise` made of each of these.
    """

    task: str
    target: str
    asked: str
    questions: tuple[str, ...]
    blind: Float[np.ndarray, " outputs"]
    load: Callable[[], Sequence[Table]]
    recordings: Mapping[str, Recording] = field(default_factory=dict)
    appraisals: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that nothing of the question asked is in it."""
        if self.asked in {*self.questions, *self.recordings, *self.appraisals}:
            raise ExecutorError(
                f"question {self.asked[:12]} of {self.task} is asked, so it is no part of what is known; leave it out"
            )
        for question, recording in self.recordings.items():
            if recording.target != self.target:
                raise ExecutorError(
                    f"what the method said of question {question[:12]} of {self.task} was said of target "
                    f"{recording.target[:12]}, and {self.target[:12]} is asked; record it there"
                )

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """The other questions with all their values, in the order of `questions`; read when first asked for."""
        tables = tuple(self.load())
        if tuple(table.question.hash for table in tables) != self.questions:
            raise ExecutorError(f"the tables that were read of {self.task} are not those of its other questions")
        for table in tables:
            if table.target != self.target:
                raise ExecutorError(
                    f"a table of {self.task} is of target {table.target[:12]}, and {self.target[:12]} is asked; what "
                    "is known of one target says nothing of another: build its own with `istar truth build`"
                )
        return tables
