"""Scoring one method: how much computation it saves on the tasks of a split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from istar.executors.executor import CLAIMED
from istar.flops.rulebook import RULEBOOK
from istar.ledger import InterpretationRecord
from istar.methods.contract import MethodError
from istar.methods.side_by_side import MethodFile
from istar.protocol.ahead import Ahead
from istar.protocol.asking import Asked, together
from istar.rewards.curves import Curve
from istar.rewards.formulas import REWARDS
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
                "interval_coverage": {
                    "claimed": CLAIMED,
                    "with": coverage(self.interp),
                    "without": coverage(self.baseline),
                },
                **comparison_json(self.summary.overall),
                "families": {family.name: comparison_json(family) for family in self.summary.families},
            },
        }

    def heard(self, task: str | None = None) -> tuple[int, int]:
        """Return in how many of the executor's answers channels were bought, and how many answers there are.

        Args:
            task: on this task alone; on all if None.
        """
        curves = [curve for curve in self.interp if task is None or curve.task == task]
        return sum(curve.channel_batches[-1] > 0 for curve in curves), len(curves)

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
            **comparison_json(task),
        }


def coverage(curves: Sequence[Curve]) -> float | None:
    """Return how often the executor's 95% intervals held the truth, over outputs, budgets and answers.

    Brute force, where the answer is exact, is left out.

    Args:
        curves: each counts the same.

    Returns:
        A share, or None where no interval was stated.
    """
    stated = [[each for each in curve.coverage[:-1] if each is not None] for curve in curves]
    shares = [fmean(each) for each in stated if each]
    return fmean(shares) if shares else None


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
