"""Summaries of tasks: what `istar tasks` shows, and which tasks are dropped and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np

from istar.tasks import Split, Task, barred, tasks
from istar.truth.reliability import FLOOR, between_question_reliability
from istar.truth.store import Digest, MissingTruthError, TruthStore, default_store, target_id

Status = Literal["active", "dropped", "missing", "use only"]

LEAST_RATIO = 100


@dataclass(frozen=True)
class TaskSummary:
    """What is known of a task under a target.

    Attributes:
        name: `family/data_set`.
        family: the family's name.
        split: train, validation, test or use.
        target: name of the target.
        questions: how many questions have tables.
        runs: rows of a question, on average.
        brute_flops: FLOPs of brute force of a question, on average.
        dearest_run_flops: FLOPs of a question's dearest row, on average.
        reliability: split-half reliability of the answer, or None where too few questions have tables to know.
        status: `active`; `dropped` if the task is too unreliable to enter a reward; `missing` without tables; `use
            only`, with tables or without, if tasks of its kind never enter a reward.
        reason: why a task is not active, else empty.
        marks: what limits the task without making it unsound.
    """

    name: str
    family: str
    split: Split
    target: str
    questions: int
    runs: int
    brute_flops: int
    dearest_run_flops: int
    reliability: float | None
    status: Status
    reason: str
    marks: tuple[str, ...] = ()

    @property
    def times_dearest_run(self) -> float | None:
        """How many dearest rows cost as much as brute force; None without tables."""
        return self.brute_flops / self.dearest_run_flops if self.dearest_run_flops else None


def task_summaries(
    target: str | None = None, chosen: Sequence[Task] | None = None, seed: int = 0, store: TruthStore | None = None
) -> tuple[TaskSummary, ...]:
    """Return the summary of each task.

    Args:
        target: a target's id or name; every task's own home if None.
        chosen: which tasks, if not all.
        seed: the root seed that the questions were drawn from.
        store: where to look, if not in the shipped and the user's tables.
    """
    place = default_store() if store is None else store
    known: dict[tuple[str, str], list[Digest]] = {}
    for digest in place.digests():
        if digest.key.seed == seed:
            known.setdefault((digest.key.target, digest.key.task), []).append(digest)

    @cache
    def identity(name: str) -> str:
        try:
            return target_id(name, place)
        except MissingTruthError:
            return ""

    return tuple(
        _summary(task, target or task.home, known.get((identity(target or task.home), task.name), []))
        for task in (tasks() if chosen is None else chosen)
    )


def task_reliability(digests: Sequence[Digest]) -> float | None:
    """Return the reliability of a task's answers; see `istar.truth.reliability`."""
    own = [each.reliability for each in digests if each.reliability is not None]
    if len(own) == len(digests) and own:
        return float(np.mean(own))
    return between_question_reliability([each.answer for each in digests], [each.noise for each in digests])


def _summary(task: Task, target: str, digests: Sequence[Digest]) -> TaskSummary:
    about = (task.name, task.family.name, task.split, target)
    use_only = barred(task.family)
    reasons = [f"use only: {use_only}"] if use_only else []
    if not digests:
        elsewhere = "" if target == task.home else f" --target {target}"
        reasons.append(f"no tables; build them with `istar truth build {task.name}{elsewhere}`")
        return TaskSummary(*about, 0, 0, 0, 0, None, "use only" if use_only else "missing", "; ".join(reasons))
    reliability = task_reliability(digests)
    if reliability is not None and reliability < FLOOR:
        reasons.append(f"reliability {reliability:.2f} is under {FLOOR}")
    summary = TaskSummary(
        *about,
        len(digests),
        round(float(np.mean([each.rows for each in digests]))),
        round(float(np.mean([each.brute_flops for each in digests]))),
        round(float(np.mean([each.dearest_run_flops for each in digests]))),
        reliability,
        "use only" if use_only else "dropped" if reasons else "active",
        "; ".join(reasons),
    )
    ratio = summary.times_dearest_run
    if ratio is None or ratio >= LEAST_RATIO:
        return summary
    return replace(summary, marks=(f"brute force is only {ratio:.0f} times the dearest run, less than {LEAST_RATIO}",))
