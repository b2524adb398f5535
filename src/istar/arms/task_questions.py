"""The questions of a task as the protocol uses them: tables with the prior and the reference loss of each.

A prior is learned from the task's other questions; the reference loss is the blind answer's, on a scale shared by
all of the task's stored questions. Both therefore need every stored table of the task, however few are asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from istar.executors.statistician.table_model.priors import TaskPrior, task_priors
from istar.rewards.skill import blind_loss, reference_losses
from istar.tasks.family import Split, task
from istar.truth import load_tables

if TYPE_CHECKING:
    from istar.targets import Target
    from istar.truth import Asked, Table


@dataclass(frozen=True)
class TaskQuestions:
    """A task's stored questions.

    Attributes:
        task: the task's name.
        split: its split.
        tables: all stored tables, in the order of their questions.
        priors: what an executor knows beforehand, by question hash.
        references: the loss at skill 0, by question hash.
    """

    task: str
    split: Split
    tables: tuple[Table, ...]
    priors: Mapping[str, TaskPrior]
    references: Mapping[str, float]

    def first(self, count: int) -> tuple[Table, ...]:
        """Return the first questions, fewer if there are not so many."""
        return self.tables[:count]


def task_questions(name: str, target: Target | str, seed: int = 0, asked: Asked | None = None) -> TaskQuestions:
    """Return a task's questions on a target, read from the truth store.

    Args:
        name: the task's name.
        target: the target, or its id or name.
        seed: the seed the questions were generated from.
        asked: the questions that are asked of the target now, if they are at hand.

    Raises:
        StaleTruthError: a table answers a question that is not asked any more; the message says how to build it anew.
        TruthError: there are no tables of the task on this target; the message says how to build them.
    """
    tables = tuple(load_tables(name, target, seed=seed, asked=asked))
    return with_references(name, tables)


def with_references(name: str, tables: tuple[Table, ...]) -> TaskQuestions:
    """Return a task's questions, given its tables."""
    priors = task_priors(tables)
    losses = []
    for table in tables:
        question = table.question
        blind = priors[question.hash].blind_answer(question.structure, question.functional)
        losses.append(blind_loss(table, blind))
    references = reference_losses(losses)
    by_hash = {table.question.hash: loss for table, loss in zip(tables, references, strict=True)}
    return TaskQuestions(name, task(name).split, tables, priors, by_hash)
