"""The audit of a suite of tasks: the three desiderata of each, and what tasks share that they should not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from istar.arms.replays import Replays
from istar.arms.task_questions import TaskQuestions, with_references
from istar.audit.dearness import Dearness, black_box_curves, dearness
from istar.audit.leaks import Leak, Tokens, find_leaks
from istar.audit.look import PASSES, one_look
from istar.audit.reach import QUESTIONS, reachable
from istar.audit.room import KnownMethods, Pair, redundant_tasks
from istar.audit.soundness import Soundness, check_share, reliability_interval
from istar.flops import CostModel
from istar.protocol.config import SearchConfig
from istar.questions import Question
from istar.rewards import LEVELS
from istar.seeds import Seed
from istar.targets import load_target
from istar.tasks import Task
from istar.truth import (
    Digest,
    Table,
    TaskSummary,
    Verification,
    load_tables,
    refuse_stale,
    task_summaries,
)

HEADLINE = 0.8
ROOM_FLOOR = 2.0
"""A task on which the truth at the price of one look would save less than this factor is marked."""
SAVES = 1.005
"""A method that is never bought has a multiplier of 1, and is not the best at anything."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Room:
    """How much methods could save and do save at a skill of 0.8.

    Attributes:
        one_look: what one look costs as a share of brute force, `forward` and `gradient` (with a backward pass);
            geometric means over questions. See `istar.audit.look`.
        reachable: by the same names, the multiplier of a method that knows every answer once it has looked.
        best_method: the best method known, or None if none that was scored saves anything.
        best_multiplier: the greatest multiplier, or None if none was scored.
    """

    one_look: Mapping[str, float]
    reachable: Mapping[str, float]
    best_method: str | None
    best_multiplier: float | None


@dataclass(frozen=True)
class TaskAudit:
    """What the audit found of one task.

    Attributes:
        summary: its size, reliability and status.
        marks: what limits it; a task with marks is kept.
        dearness: how dear it is by behaviour.
        soundness: how far its truth can be trusted.
        room: how much can be saved.
    """

    summary: TaskSummary
    marks: tuple[str, ...]
    dearness: Dearness
    soundness: Soundness
    room: Room


@dataclass(frozen=True)
class Audit:
    """What the audit found.

    Attributes:
        tasks: every task that has tables, in registry order.
        missing: names of the tasks that have none.
        redundant: pairs of tasks that tell methods apart in the same way.
        leaks: held-out texts that stand in the corpus or in training questions.
    """

    tasks: tuple[TaskAudit, ...]
    missing: tuple[str, ...]
    redundant: tuple[Pair, ...]
    leaks: tuple[Leak, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the audit as JSON values."""
        return asdict(self)


def audit_from_json(data: Mapping[str, Any]) -> Audit:
    """Return the audit that `to_json` described."""
    return Audit(
        tuple(_task_from_json(each) for each in data["tasks"]),
        tuple(data["missing"]),
        tuple(Pair(**each) for each in data["redundant"]),
        tuple(Leak(**{**each, "example": tuple(each["example"])}) for each in data["leaks"]),
    )


def _task_from_json(data: Mapping[str, Any]) -> TaskAudit:
    dear = data["dearness"]
    levels = {name: {float(level): value for level, value in dear[name].items()} for name in ("share", "flops")}
    return TaskAudit(
        TaskSummary(**{**data["summary"], "marks": tuple(data["summary"]["marks"])}),
        tuple(data["marks"]),
        Dearness(tuple(dear["budgets"]), tuple(dear["skill"]), levels["share"], levels["flops"]),
        Soundness(**data["soundness"]),
        Room(**data["room"]),
    )


def audit_tasks(
    chosen: Sequence[Task],
    *,
    target: str | None = None,
    known: KnownMethods,
    corpora: Mapping[str, Sequence[Tokens]],
    verifications: Mapping[str, Sequence[Verification]],
    config: SearchConfig | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Audit tasks.

    Args:
        chosen: which.
        target: a target's id or name instead of each task's home.
        known: what methods are known to be worth.
        corpora: by target name, the sequences of the corpus that methods learn from there.
        verifications: by task, what recomputing cells of its tables found.
        config: settings of the executor; the standard ones if None.
        progress: called with the name of each task when it is done.

    Raises:
        StaleTruthError: tables answer questions that are not asked any more; the message says how to build them anew.
    """
    settings = config or SearchConfig()
    summaries = {each.name: each for each in task_summaries(target, chosen)}
    refuse_stale(summaries.values())
    present = [each for each in chosen if summaries[each.name].questions]
    tables = {each.name: load_tables(each, target or each.home) for each in present}
    costs = {name: load_target(name).costs for name in dict.fromkeys(target or each.home for each in present)}
    found = []
    with threadpool_limits(1, user_api="blas"):
        for each in present:
            checked = verifications.get(each.name, ())
            found.append(
                _audit_task(
                    summaries[each.name], tables[each.name], known, checked, costs[target or each.home], settings
                )
            )
            if progress is not None:
                progress(each.name)
    return Audit(
        tuple(found),
        tuple(each.name for each in chosen if not summaries[each.name].questions),
        redundant_tasks(known, [each.name for each in present]),
        _leaks(present, tables, corpora, target),
    )


def _audit_task(
    summary: TaskSummary,
    tables: list[Table],
    known: KnownMethods,
    verifications: Sequence[Verification],
    costs: CostModel,
    config: SearchConfig,
) -> TaskAudit:
    questions: TaskQuestions = with_references(summary.name, tuple(tables))
    replays = Replays(config, [questions])
    dear = dearness(black_box_curves(replays, questions))
    low, high = reliability_interval([Digest.of(table) for table in tables], Seed.root(config.seed))
    errors = [each.largest_error for each in verifications]
    sound = Soundness(
        summary.reliability,
        low,
        high,
        recomputed=sum(each.rows for each in verifications),
        largest_error=max(errors) if errors else None,
        wrong=sum(len(each.wrong) for each in verifications),
        check_share=check_share(tables),
    )
    best, saved = known.best(summary.name, HEADLINE) or (None, None)
    if saved is not None and saved < SAVES:
        best = None
    room = Room(*_within_reach(replays, tables, costs), best, saved)
    marks = list(summary.marks)
    if dear.share[LEVELS[0]] <= dear.budgets[0]:
        marks.append(f"cheap by behaviour: a skill of {LEVELS[0]:g} costs no more than the least budget")
    if room.reachable["forward"] < ROOM_FLOOR:
        marks.append(
            f"little room: the truth at the price of one look ({room.one_look['forward']:.2g} of brute force) would "
            f"save {room.reachable['forward']:.1f} times the FLOPs"
        )
    return TaskAudit(summary, tuple(marks), dear, sound, room)


def _within_reach(
    replays: Replays, tables: Sequence[Table], costs: CostModel
) -> tuple[dict[str, float], dict[str, float]]:
    """Return what one look costs and what the truth at that price saves; see `Room`."""
    asked = tables[:QUESTIONS]
    looks = {table.question.hash: one_look(table.question, costs) / table.brute_flops for table in asked}
    shares, multipliers = {}, {}
    for name, passes in PASSES.items():
        prices = {question: passes * look for question, look in looks.items()}
        shares[name] = float(np.exp(np.mean(np.log(list(prices.values())))))
        multipliers[name] = reachable(replays, asked, prices, HEADLINE)
    return shares, multipliers


def _leaks(
    present: Sequence[Task],
    tables: Mapping[str, Sequence[Table]],
    corpora: Mapping[str, Sequence[Tokens]],
    target: str | None,
) -> tuple[Leak, ...]:
    """Return the leaks; tasks are compared where they share a target, and so a tokenizer."""
    leaks: list[Leak] = []
    homes = {each.name: target or each.home for each in present}

    def of(home: str, splits: tuple[str, ...]) -> dict[str, list[Question]]:
        return {
            each.name: [table.question for table in tables[each.name]]
            for each in present
            if homes[each.name] == home and each.split in splits
        }

    for home in dict.fromkeys(homes.values()):
        leaks += find_leaks(of(home, ("validation", "test")), of(home, ("train",)), corpora.get(home, ()))
    return tuple(leaks)
