"""Asking a method all questions of some tasks, in both settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from istar.rewards.curves import Curve

if TYPE_CHECKING:
    from istar.arms.base import Evaluation
    from istar.truth import Table


@dataclass
class Asked:
    """What a method was asked and how the two arms did; tasks on which it failed are named, and in no curve.

    Attributes:
        interpret: evaluates the method on a question, given the task's other questions.
        without: evaluates a question without a method.
        on_question: called after every question.
        baseline: curves of the black-box arm.
        interp: curves of the white-box arm.
        flops: mean FLOPs of a question's recording, by task.
        explained: the least share of a worker's processor time that its metered FLOPs explained, by task; not stated
            where the method takes none.
        silent: on how many questions the method had nothing to say, by task.
        failures: why the method failed, by task.
    """

    interpret: Callable[[Table, Sequence[Table]], Evaluation]
    without: Callable[[Table], Evaluation]
    on_question: Callable[[Table], None] | None = None
    baseline: list[Curve] = field(default_factory=list)
    interp: list[Curve] = field(default_factory=list)
    flops: dict[str, int] = field(default_factory=dict)
    explained: dict[str, float] = field(default_factory=dict)
    silent: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def ask(self, task: str, tables: Sequence[Table]) -> None:
        """Ask all questions of a task; the first on which the method fails is the last."""
        interp: list[Curve] = []
        explained: list[float] = []
        flops = silent = 0
        for table in tables:
            evaluation = self.interpret(table, [each for each in tables if each is not table])
            if self.on_question is not None:
                self.on_question(table)
            if evaluation.status != "ok":
                self.failures[task] = f"question {table.question.index} of {task}: {evaluation.reason}"
                return
            interp += evaluation.curves
            flops += evaluation.spending.flops
            silent += evaluation.silent
            share = evaluation.spending.explained_share
            explained += [] if share is None else [share]
        self.baseline += [curve for table in tables for curve in self.without(table).curves]
        self.interp += interp
        self.flops[task] = flops // len(tables)
        self.silent[task] = silent
        if explained:
            self.explained[task] = min(explained)


def together(parts: Iterable[Asked]) -> Asked:
    """Return what was asked in several parts as if it had been asked in one, in their order.

    Args:
        parts: each about other tasks; at least one.
    """
    first, *others = parts
    for each in others:
        first.baseline += each.baseline
        first.interp += each.interp
        first.flops |= each.flops
        first.explained |= each.explained
        first.silent |= each.silent
        first.failures |= each.failures
    return first
