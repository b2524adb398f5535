"""Scoring one method: how much computation it saves on the tasks of a split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from istar.executors.executor import CLAIMED
from istar.flops.rulebook import RULEBOOK
from istar.ledger import InterpretationRecord
from istar.methods.contract import MethodError
from istar.methods.side_by_side import MethodFile
from istar.protocol.ahead import Ahead
from istar.protocol.asking import Asked, together
from istar.protocol.fresh import FreshQuestions, drawn_for
from istar.rewards.believed import Believed, believed
from istar.rewards.curves import Curve
from istar.rewards.formulas import REWARDS
from istar.rewards.intervals import Intervals, intervals
from istar.rewards.memorised import Answered, Memorisation, compared
from istar.rewards.multipliers import Comparison, Summary, compare
from istar.seeds import Seed

if TYPE_CHECKING:
    from istar.arms.settings import Caps
    from istar.protocol.setup import Setup
    from istar.truth import Table


@dataclass(frozen=True)
class MethodScore:
    """How much a method saves.

    Attributes:
        method: its name.
        method_hash: hash of its source.
        target: name of the target.
        interpret: what interpreting the target cost.
        split: the split of the tasks.
        summary: multipliers and skill gains for every task, every family and overall.
        reward: the reward under the formula of the settings.
        reward_name: the formula's name.
        predict_flops: mean FLOPs of a question's recording, by task.
        explained: the least share of a worker's processor time that its metered FLOPs explained, by task.
        silent: on how many questions the method had nothing to say, by task.
        dropped: why tasks that were asked by name enter no reward, by task.
        baseline: curves of the black-box arm.
        interp: curves of the white-box arm.
        failures: by task, why the method failed there; such tasks are in none of the above.
        caps: how much of each question the method might look at.
        asked: how many questions of each task were asked.
        left_out: how many further questions of each task could have been asked, where some were left out on purpose.
        fresh: the same on fresh questions, where these were asked too.
    """

    method: str
    method_hash: str
    target: str
    interpret: InterpretationRecord
    split: str
    summary: Summary
    reward: float
    reward_name: str
    predict_flops: dict[str, int]
    explained: dict[str, float]
    silent: dict[str, int]
    dropped: dict[str, str]
    baseline: tuple[Curve, ...]
    interp: tuple[Curve, ...]
    failures: dict[str, str]
    caps: Caps
    asked: dict[str, int]
    left_out: dict[str, int]
    fresh: FreshScore | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the score as JSON values; FLOPs are those of one question on average."""
        return {
            "method": self.method,
            "target": self.target,
            "rulebook": RULEBOOK.version,
            "caps": self.caps.model_dump(),
            "interpret": {
                "flops": self.interpret.flops,
                "seconds": self.interpret.seconds,
                "bytes": self.interpret.bytes,
            },
            "tasks": [self._task_json(task) for task in self.summary.tasks],
            "failures": self.failures,
            "asked": self.asked,
            "left_out": self.left_out,
            "complete": not self.left_out,
            "summary": {
                "method_hash": self.method_hash,
                "reward": self.reward,
                "reward_formula": self.reward_name,
                "questions": len({curve.question_hash for curve in self.interp}),
                "executor_seeds": len({curve.seed for curve in self.interp}),
                "silent": self.silent,
                "dropped": self.dropped,
                "heard": {task.name: self._share_heard(task.name) for task in self.summary.tasks},
                "intervals": self._intervals_json(),
                **comparison_json(self.summary.overall),
                "families": {family.name: comparison_json(family) for family in self.summary.families},
            },
            **({} if self.fresh is None else self.fresh.to_json()),
        }

    def heard(self, task: str | None = None) -> tuple[int, int]:
        """Return in how many of the executor's answers channels were bought, and how many answers there are.

        Args:
            task: on this task alone; on all if None.
        """
        curves = [curve for curve in self.interp if task is None or curve.task == task]
        return sum(curve.channel_batches[-1] > 0 for curve in curves), len(curves)

    def intervals(self, task: str | None = None) -> tuple[Intervals, Intervals]:
        """Return what the executor's intervals are worth with the method and without; on one task, or on all."""
        interp, baseline = (
            [curve for curve in curves if task is None or curve.task == task] for curves in (self.interp, self.baseline)
        )
        return intervals(interp, baseline), intervals(baseline, baseline)

    def believed(self, task: str) -> Believed | None:
        """Return what the executor believed of the method on a task; None if it does not say."""
        return believed([curve for curve in self.interp if curve.task == task])

    def _intervals_json(self, task: str | None = None) -> dict[str, Any]:
        with_it, without = self.intervals(task)
        return {"claimed": CLAIMED, "with": with_it.to_json(), "without": without.to_json()}

    def _share_heard(self, task: str) -> float:
        heard, answers = self.heard(task)
        return heard / answers

    def _task_json(self, task: Comparison) -> dict[str, Any]:
        return {
            "task": task.name,
            "family": task.name.partition("/")[0],
            "split": self.split,
            "questions": next(iter(task.multipliers.values())).questions,
            "predict_flops": self.predict_flops[task.name],
            "explained_cpu_share": self.explained.get(task.name),
            "intervals": self._intervals_json(task.name),
            "believed": None if (found := self.believed(task.name)) is None else found.to_json(),
            **comparison_json(task),
        }


@dataclass(frozen=True)
class FreshScore:
    """How much a method saves on fresh questions of tasks whose committed ones it was asked, too.

    Attributes:
        seed: the seed they were drawn from.
        drawn_for: whether the seed is known to have been drawn when the method's source was there already.
        known_rows: the share of the rows of each task's questions that stand in committed ones, too.
        score: the score; None if the method failed on every task.
        failure: why it failed on every task, empty if it did not.
        memorisation: what the two rewards say of whether it knew the answers; None where no task was asked both.
    """

    seed: int
    drawn_for: bool
    known_rows: Mapping[str, float]
    score: MethodScore | None
    failure: str
    memorisation: Memorisation | None

    @property
    def memorised(self) -> bool | None:
        """Whether the method's reward on committed questions is more than chance above that on fresh ones."""
        return None if self.memorisation is None else self.memorisation.memorised

    def to_json(self) -> dict[str, Any]:
        """Return what a score says of it as JSON values."""
        score = None if self.score is None else self.score.to_json()
        asked = {} if score is None else {name: score[name] for name in ("tasks", "failures", "asked", "summary")}
        return {
            "memorised": self.memorised,
            "fresh": {
                "seed": self.seed,
                "drawn_for_this_source": self.drawn_for,
                "known_rows": dict(self.known_rows),
                "failure": self.failure,
                "memorisation": None if self.memorisation is None else self.memorisation.to_json(),
                **asked,
            },
        }


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Return multipliers by skill level, and the skill gain, as JSON values; one question has no interval."""
    return {
        "multipliers": {
            str(level): {
                "estimate": multiplier.estimate,
                "low": multiplier.low if multiplier.questions > 1 else None,
                "high": multiplier.high if multiplier.questions > 1 else None,
                "censored": multiplier.censored,
            }
            for level, multiplier in comparison.multipliers.items()
        },
        "skill_gain": comparison.skill_gain.estimate,
    }


def score(
    setup: Setup,
    file: MethodFile,
    name: str,
    tables: Mapping[str, Sequence[Table]],
    split: str,
    *,
    left_out: Mapping[str, int] | None = None,
    on_question: Callable[[Table], None] | None = None,
    on_task: Callable[[str, Comparison | str], None] | None = None,
) -> MethodScore:
    """Score a method on questions, the cheapest task first.

    Questions are recorded in jails side by side; what an executor makes of a task is replayed here meanwhile.

    Args:
        setup: the loaded target, tasks and arms.
        file: the method.
        name: the method's name.
        tables: the questions, by task.
        split: the split they belong to.
        left_out: how many further questions of each task could be asked, where some are left out on purpose.
        on_question: called after every question that was recorded, in any order.
        on_task: called after every task with how the arms compare there, or why the method failed there.

    Raises:
        MethodError: the method failed on every task.
    """
    arms, root = setup.arms, Seed.root(setup.config.seed)
    order = sorted(tables, key=lambda task: sum(table.brute_flops for table in tables[task]))
    alone = (table for task in order for table in tables[task])
    asked: dict[str, Asked] = {}
    with arms.session(file.source, name, file.parts) as session:
        with ThreadPoolExecutor(1) as pool:
            interpreting = pool.submit(session.interpret)
            try:
                while not interpreting.done() and (table := next(alone, None)) is not None:
                    arms.baseline(table)
                interpretation = interpreting.result()
            except KeyboardInterrupt:
                arms.stop()
                raise
        recorded = {task: tables[task] for task in order}
        with Ahead(session.record, recorded, setup.config.side_by_side, arms.stop, on_question) as ahead:
            for task in order:
                while not ahead.ready(task) and (table := next(alone, None)) is not None:
                    arms.baseline(table)  # there is nothing better to do until the jails are done
                ahead.wait(task)
                asked[task] = Asked(session.evaluate, arms.baseline)
                asked[task].ask(task, tables[task])
                if on_task is not None:
                    failure = asked[task].failures.get(task)
                    on_task(task, failure or compare(asked[task].baseline, asked[task].interp, seed=root).tasks[0])
    everything = together([asked[task] for task in tables])
    if not everything.interp:
        raise MethodError(f"{name!r} failed on every task; {next(iter(everything.failures.values()))}")
    config = setup.config
    return MethodScore(
        method=name,
        method_hash=interpretation.method,
        target=setup.target.name,
        interpret=interpretation,
        split=split,
        summary=compare(everything.baseline, everything.interp, seed=root),
        reward=REWARDS.get(config.reward).reward(everything.baseline, everything.interp),
        reward_name=config.reward,
        predict_flops=everything.flops,
        explained=everything.explained,
        silent=everything.silent,
        dropped={
            each.name: each.reason for each in setup.summaries if each.status == "dropped" and each.name in tables
        },
        baseline=tuple(everything.baseline),
        interp=tuple(everything.interp),
        failures=everything.failures,
        caps=config.caps,
        asked={task: len(theirs) for task, theirs in tables.items()},
        left_out=dict(left_out or {}),
    )


def with_fresh(
    setup: Setup,
    file: MethodFile,
    committed: MethodScore,
    questions: FreshQuestions,
    *,
    on_question: Callable[[Table], None] | None = None,
    on_task: Callable[[str, Comparison | str], None] | None = None,
) -> MethodScore:
    """Return a score with that on fresh questions beside it.

    Args:
        setup: the loaded target, tasks and arms.
        file: the method.
        committed: the score on committed questions.
        questions: the fresh ones.
        on_question: see `score`.
        on_task: see `score`.
    """
    fresh, failure = None, ""
    try:
        fresh = score(
            *(setup, file, committed.method, questions.tables, committed.split),
            on_question=on_question,
            on_task=on_task,
        )
    except MethodError as error:
        failure = str(error)
    found = compared(
        committed.reward_name,
        _answered(committed),
        Answered((), (), questions.tables) if fresh is None else _answered(fresh),
        Seed.root(setup.config.seed),
    )
    known = drawn_for(questions.seed, committed.method_hash)
    return replace(committed, fresh=FreshScore(questions.seed, known, questions.known_rows, fresh, failure, found))


def _answered(score: MethodScore) -> Answered:
    return Answered(score.baseline, score.interp, score.failures)
