"""The questions of a task as the protocol uses them: tables with the blind answer and the reference loss of each.

The blind answer is learned from the task's other questions; the reference loss is the blind answer's, on a scale shared
by all of the task's stored questions. Both therefore need every stored table of the task, however few are asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from istar.rewards.blind import blind_answer
from istar.rewards.skill import blind_loss, reference_losses
from istar.tasks.family import Split, task
from istar.truth import load_tables
from istar.truth.effects.records import learn_effects

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
        blind: the answer of skill 0 (`istar.rewards.blind`), by question hash.
        references: the loss at skill 0, by question hash.
        known: further questions of the task, which are not asked here: they are only learned from.
    """

    task: str
    split: Split
    tables: tuple[Table, ...]
    blind: Mapping[str, Float[np.ndarray, " outputs"]]
    references: Mapping[str, float]
    known: tuple[Table, ...] = ()

    def first(self, count: int) -> tuple[Table, ...]:
        """Return the first questions, fewer if there are not so many."""
        return self.tables[:count]

    def others(self, question: str) -> tuple[Table, ...]:
        """Return the tables of all questions but the one with this hash, in their order; those only known are last."""
        return tuple(table for table in (*self.tables, *self.known) if table.question.hash != question)


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


def with_references(name: str, tables: tuple[Table, ...], known: tuple[Table, ...] = ()) -> TaskQuestions:
    """Return a task's questions, given their tables, and those of further ones that are only learned from."""
    every = (*tables, *known)
    effects = learn_effects(every)
    blind = {}
    for table in every:
        question = table.question
        others = [each for each in effects if each.question != question.hash]
        blind[question.hash] = blind_answer(question.structure, question.functional, others)
    references = reference_losses([blind_loss(table, blind[table.question.hash]) for table in every])
    by_hash = {table.question.hash: loss for table, loss in zip(every, references, strict=True)}
    return TaskQuestions(name, task(name).split, tables, blind, by_hash, known)
