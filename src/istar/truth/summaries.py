"""Summaries of tasks: what `istar tasks` shows, and which tasks are dropped and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from istar.flops.policing import LEAST_TIMES, is_policed, unseen_flops
from istar.targets.errors import TargetError
from istar.targets.places import PRACTICE, at_hand
from istar.tasks import Split, Task, TaskError, barred, tasks
from istar.truth.advice import CHANGED, build_command
from istar.truth.asked import Asked, is_ours
from istar.truth.lookup import Entry, StaleTruthError, asked_of, fitting
from istar.truth.reliability import FLOOR, between_question_reliability
from istar.truth.store import Digest, MissingTruthError, TruthStore, default_store, id_among

if TYPE_CHECKING:
    from istar.targets import Target

Status = Literal["active", "dropped", "stale", "missing", "use only"]

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
        status: `active`; `dropped` if the task is too unreliable to enter a reward, or too cheap for what a method
            computes in Python to be seen, unless its target is one for practice; `stale` if a table answers a question
            that is not asked any more; `missing` without tables; `use only`, with tables or without, if tasks
            of its kind never enter a reward.
        reason: why a task is not active, else empty.
        marks: what limits the task without making it unsound.
        stale: how many tables answer questions that are not asked any more; they count for nothing above.
        unchecked: of how many tables it is not known whether their questions are still asked.
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
    stale: int = 0
    unchecked: int = 0

    @property
    def times_dearest_run(self) -> float | None:
        """How many dearest rows cost as much as brute force; None without tables."""
        return self.brute_flops / self.dearest_run_flops if self.dearest_run_flops else None


def task_summaries(
    target: Target | str | None = None,
    chosen: Sequence[Task] | None = None,
    seed: int = 0,
    store: TruthStore | None = None,
    *,
    asked: Asked | None = None,
    thorough: bool = True,
) -> tuple[TaskSummary, ...]:
    """Return the summary of each task.

    Args:
        target: a target, or the id or name of one; every task's own home if None.
        chosen: which tasks, if not all.
        seed: the root seed that the questions were drawn from.
        store: where to look, if not in the shipped and the user's tables.
        asked: the questions that are asked of the target now, if they are at hand; else its tokenizer is loaded.
        thorough: whether questions are made where it is not remembered what they are, which takes seconds a task, a
            target's files are converted or fetched, and one whose tokenizer cannot be loaded is an error; otherwise
            such tables are unchecked.

    Raises:
        TargetError: thorough, and the tokenizer of a target with tables cannot be loaded.
    """
    place = default_store() if store is None else store
    known: dict[tuple[str, str], dict[int, list[Entry]]] = {}
    targets: dict[str, str] = {}
    for entry in place.entries():
        key = entry[1].key
        targets.setdefault(key.target, entry[1].target_name)
        if key.seed == seed:
            known.setdefault((key.target, key.task), {}).setdefault(key.index, []).append(entry)

    @cache
    def identity(name: str) -> str:
        try:
            return id_among(targets, name)
        except MissingTruthError:
            return ""

    @cache
    def questions(name: str) -> Asked | None:
        if asked is None and not thorough and not at_hand(name):
            return None
        try:
            return asked or asked_of(name)
        except TargetError:
            if thorough:
                raise
            return None

    found = []
    for task in tasks() if chosen is None else chosen:
        if target is None or isinstance(target, str):
            name = target or task.home
            entries = list(known.get((identity(name), task.name), {}).values())
            called = entries[0][0][1].target_name if entries else name
        else:
            name = called = target.name
            entries = list(known.get((target.id, task.name), {}).values())
        now = questions(called) if entries else None
        found.append(_summary(task, target or task.home, name, _sorted_out(task, entries, now, thorough)))
    return tuple(found)


def refuse_stale(summaries: Iterable[TaskSummary]) -> None:
    """Check that no table of some tasks is stale.

    Raises:
        StaleTruthError: some are; the message names the tasks, and says how to build each anew.
    """
    stale = [f"{each.name}: {each.reason}" for each in summaries if each.stale]
    if stale:
        raise StaleTruthError("\n".join(stale))


@dataclass(frozen=True)
class _SortedOut:
    """The tables of a task.

    Attributes:
        fit: those that count: whose questions are asked now, or may be.
        stale: those whose questions are not asked any more.
        unchecked: how many of those that fit are not known to.
    """

    fit: list[Digest]
    stale: list[Digest]
    unchecked: int


def _sorted_out(task: Task, entries: Sequence[Sequence[Entry]], asked: Asked | None, thorough: bool) -> _SortedOut:
    """Return which tables count.

    Args:
        task: the task.
        entries: the tables under each key.
        asked: the questions that are asked now, if anybody knows.
        thorough: whether to make questions of ours that are not remembered.
    """
    fit, stale, unchecked = [], [], 0
    for theirs in entries:
        digest = theirs[-1][1]
        key = digest.key
        known = asked is not None and (
            thorough or not is_ours(task) or asked.remembered(task, key.index, key.seed) is not None
        )
        if asked is None or not known:
            fit.append(digest)
            unchecked += 1
            continue
        try:
            found = fitting(task, theirs, asked)
        except TaskError:  # the family cannot make the question under this tokenizer any more
            found = None
        if found is None:
            stale.append(digest)
        else:
            fit.append(found[1])
    return _SortedOut(fit, stale, unchecked)


def task_reliability(digests: Sequence[Digest]) -> float | None:
    """Return the reliability of a task's answers; see `istar.truth.reliability`."""
    own = [each.reliability for each in digests if each.reliability is not None]
    if len(own) == len(digests) and own:
        return float(np.mean(own))
    return between_question_reliability([each.answer for each in digests], [each.noise for each in digests])


def _summary(task: Task, target: Target | str, name: str, tables: _SortedOut) -> TaskSummary:
    digests, stale = tables.fit, len(tables.stale)
    about = (task.name, task.family.name, task.split, name)
    use_only = barred(task.family)
    reasons = [f"use only: {use_only}"] if use_only else []
    called = tables.stale[0].target_name if stale else None
    questions = 1 + max(digest.key.index for digest in tables.stale) if stale else None
    elsewhere = None if name == task.home else target
    seed = tables.stale[0].key.seed if stale else 0
    command = build_command([task.name], elsewhere, questions=questions, seed=seed, known=called)
    if stale:
        reasons.append(
            f"{stale} of {stale + len(digests)} tables are stale: {CHANGED}; build them anew with `{command}`"
        )
    elif not digests:
        reasons.append(f"no tables; build them with `{command}`")
    if not digests:
        status: Status = "use only" if use_only else "stale" if stale else "missing"
        return TaskSummary(*about, 0, 0, 0, 0, None, status, "; ".join(reasons), stale=stale)
    reliability = task_reliability(digests)
    if reliability is not None and reliability < FLOOR:
        reasons.append(f"reliability {reliability:.2f} is under {FLOOR}")
    cheapest = min(each.brute_flops for each in digests)
    unpoliced = "" if is_policed(cheapest) else _unpoliced(cheapest)
    practice = digests[0].target_name in PRACTICE
    if unpoliced and not practice:
        reasons.append(unpoliced)
    summary = TaskSummary(
        *about,
        len(digests),
        round(float(np.mean([each.rows for each in digests]))),
        round(float(np.mean([each.brute_flops for each in digests]))),
        round(float(np.mean([each.dearest_run_flops for each in digests]))),
        reliability,
        "use only" if use_only else "stale" if stale else "dropped" if reasons else "active",
        "; ".join(reasons),
        stale=stale,
        unchecked=tables.unchecked,
    )
    marks = [f"for practice: {unpoliced}"] if unpoliced and practice else []
    ratio = summary.times_dearest_run
    if ratio is not None and ratio < LEAST_RATIO:
        marks.append(f"brute force is only {ratio:.0f} times the dearest run, less than {LEAST_RATIO}")
    return replace(summary, marks=tuple(marks))


def _unpoliced(brute_flops: int) -> str:
    hidden = unseen_flops(brute_flops)
    return (
        f"a method could hide {hidden:.1e} FLOPs in Python where the cheapest brute force costs {brute_flops:.1e}, "
        f"{brute_flops / hidden:.0f} times as many and not {LEAST_TIMES}"
    )
