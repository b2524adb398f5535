"""Summaries of tasks: what `istar tasks` shows, and which tasks are dropped and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from istar.tasks import Split, Task, tasks
from istar.truth.reliability import FLOOR, between_question_reliability
from istar.truth.store import Digest, MissingTruthError, TruthStore, default_store, target_id

Status = Literal["active", "dropped", "missing"]

LEAST_RATIO = 100


@dataclass(frozen=True)
class TaskSummary:
    """What is known of a task under a target.

    Attributes:
        name: `family/data_set`.
        family: the family's name.
        split: train, validation or test.
        questions: how many questions have tables.
        runs: rows of a question, on average.
        brute_flops: FLOPs of brute force of a question, on average.
        dearest_run_flops: FLOPs of the dearest row of any question.
        reliability: split-half reliability of the answer, or None where too few questions have tables to know.
        status: `active`; `dropped` if the task must not enter a reward; `missing` without tables.
        reason: why a task is dropped or missing, else empty.
    """

    name: str
    family: str
    split: Split
    questions: int
    runs: int
    brute_flops: int
    dearest_run_flops: int
    reliability: float | None
    status: Status
    reason: str


def task_summaries(
    target: str, chosen: Sequence[Task] | None = None, seed: int = 0, store: TruthStore | None = None
) -> tuple[TaskSummary, ...]:
    """Return the summary of each task.

    Args:
        target: a target's id or name.
        chosen: which tasks, if not all.
        seed: the root seed that the questions were drawn from.
        store: where to look, if not in the shipped and the user's tables.
    """
    place = default_store() if store is None else store
    try:
        identity = target_id(target, place)
    except MissingTruthError:
        identity = ""
    known = [each for each in place.digests() if each.key.target == identity and each.key.seed == seed]
    return tuple(
        _summary(task, [each for each in known if each.key.task == task.name])
        for task in (tasks() if chosen is None else chosen)
    )


def task_reliability(digests: Sequence[Digest]) -> float | None:
    """Return the reliability of a task's answers; see `istar.truth.reliability`."""
    own = [each.reliability for each in digests if each.reliability is not None]
    if len(own) == len(digests) and own:
        return float(np.mean(own))
    return between_question_reliability([each.answer for each in digests], [each.noise for each in digests])


def _summary(task: Task, digests: Sequence[Digest]) -> TaskSummary:
    if not digests:
        reason = f"no tables; build them with `istar truth build {task.name}`"
        return TaskSummary(task.name, task.family.name, task.split, 0, 0, 0, 0, None, "missing", reason)
    reliability = task_reliability(digests)
    ratio = min(each.brute_flops / each.dearest_run_flops for each in digests)
    reason = ""
    if task.judged:
        reason = "a model judges the answers"
    elif reliability is not None and reliability < FLOOR:
        reason = f"reliability {reliability:.2f} is under {FLOOR}"
    elif ratio < LEAST_RATIO:
        reason = f"brute force is only {ratio:.0f} times the dearest run, less than {LEAST_RATIO}"
    return TaskSummary(
        task.name,
        task.family.name,
        task.split,
        len(digests),
        round(float(np.mean([each.rows for each in digests]))),
        round(float(np.mean([each.brute_flops for each in digests]))),
        max(each.dearest_run_flops for each in digests),
        reliability,
        "dropped" if reason else "active",
        reason,
    )
