"""Reward formulas: from the two arms' curves to the one number that a researcher is told.

Every formula gives each question a number; the reward of a task is the mean over its questions, and the reward of a
method the mean over tasks, as in the document: R = E_t[R_t(E_x[...])]. All are computed from stored curves, so a run
can be rescored under another formula without running anything again. A reward of 0 means that the method changed
nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar

import numpy as np

from istar.registry import Registry
from istar.rewards.curves import Curve
from istar.rewards.multipliers import LEVELS, question_multipliers
from istar.rewards.pairs import SKILL_FLOOR, match, pair
from istar.tasks.family import FAMILIES, check_rewardable

REWARDS: Registry[Reward] = Registry("reward")

QuestionKey = tuple[str, str]
"""A task's name and a question's hash."""


@dataclass(frozen=True)
class Score:
    """A reward with what it is made of.

    Attributes:
        reward: the mean over tasks.
        standard_error: of the reward over fresh questions of the same tasks; None with a single question.
        by_task: reward of each task.
        by_question: reward of each question.
    """

    reward: float
    standard_error: float | None
    by_task: Mapping[str, float]
    by_question: Mapping[QuestionKey, float]


Formula = Callable[[Any, Sequence[Curve], Sequence[Curve]], dict[QuestionKey, float]]


def _barring(formula: Formula) -> Formula:
    """Return a formula that refuses curves of tasks that are barred from rewards."""

    @wraps(formula)
    def barring(self: Any, baseline: Sequence[Curve], interp: Sequence[Curve]) -> dict[QuestionKey, float]:
        for name in sorted({curve.task for curve in (*baseline, *interp)}):
            if name.partition("/")[0] in FAMILIES:  # curves may be made up, of tasks that there are not
                check_rewardable(name)
        return formula(self, baseline, interp)

    return barring


class Reward(ABC):
    """Base class of reward formulas; registered instances are found by name in `REWARDS`.

    Every reward there is comes out of a subclass's `by_question`. So that is where tasks are stopped that are barred
    from rewards, whichever way their curves came: a subclass's own `by_question`, a user's too, is wrapped when the
    class is made.

    Attributes:
        name: the registry name.
        formula: the formula in plain words and symbols, as a report prints it.
        needs_beliefs: whether it is about what the executor believes of rows (`istar.executors.prequential`).
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    needs_beliefs: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        """See the class docstring."""
        super().__init_subclass__()
        if "by_question" in cls.__dict__:
            cls.by_question = _barring(cls.by_question)  # type: ignore[method-assign, assignment]

    @abstractmethod
    def by_question(self, baseline: Sequence[Curve], interp: Sequence[Curve]) -> dict[QuestionKey, float]:
        """Return the reward of each question.

        Args:
            baseline: curves of the black-box arm.
            interp: curves of the white-box arm on the same questions and seeds; each says in `method` what its method
                is and said there, or None where that was not kept.

        Raises:
            CurveError: the curves cannot be paired.
            BarredError: a curve is of a task that is barred from rewards.
        """

    def lacking(self, baseline: Sequence[Curve], interp: Sequence[Curve]) -> str:
        """Return what curves do not hold that the formula needs, and what to do; empty if they hold all of it.

        Curves of older versions hold less, and those of some executors. Arguments as in `by_question`.
        """
        return ""

    def parts(self, baseline: Sequence[Curve], interp: Sequence[Curve]) -> dict[str, float | None]:
        """Return what the reward of a method is made of, by name, where a table should show it; arguments as above."""
        return {}

    def score(self, baseline: Sequence[Curve], interp: Sequence[Curve]) -> Score:
        """Return the reward with its parts and its standard error; arguments as in `by_question`."""
        rewards = self.by_question(baseline, interp)
        tasks: dict[str, list[float]] = defaultdict(list)
        for (task, _), reward in rewards.items():
            tasks[task].append(reward)
        by_task = {task: float(np.mean(values)) for task, values in tasks.items()}
        return Score(float(np.mean(list(by_task.values()))), _standard_error(list(tasks.values())), by_task, rewards)

    def reward(self, baseline: Sequence[Curve], interp: Sequence[Curve]) -> float:
        """Return the reward of a method; arguments as in `by_question`."""
        return self.score(baseline, interp).reward


def _standard_error(tasks: Sequence[Sequence[float]]) -> float | None:
    """Return the standard error of the mean of the tasks' means, the tasks being fixed and the questions drawn.

    The variance among a task's questions is pooled over tasks, which lends it to a task with a single question.
    Where every task has a single question, the variance among tasks takes its place.
    """
    freedom = sum(len(values) - 1 for values in tasks)
    if freedom > 0:
        variance = sum(float(np.var(values)) * len(values) for values in tasks) / freedom
        return float(np.sqrt(sum(variance / len(values) for values in tasks)) / len(tasks))
    if len(tasks) < 2:
        return None
    return float(np.std([values[0] for values in tasks], ddof=1) / np.sqrt(len(tasks)))


def _mean_over_seeds(values: Sequence[tuple[QuestionKey, float]]) -> dict[QuestionKey, float]:
    questions: dict[QuestionKey, list[float]] = defaultdict(list)
    for key, value in values:
        questions[key].append(value)
    return {key: float(np.mean(seeds)) for key, seeds in questions.items()}


def _performance_gain(black: Curve, white: Curve) -> float:
    return max(white.stop_skill, SKILL_FLOOR) - max(black.stop_skill, SKILL_FLOOR)


@dataclass(frozen=True)
class PowerReward(Reward):
    """Performance gain plus the reduction of a power of the FLOPs, each arm taken where it stopped by itself.

    Attributes:
        exponent: the power of FLOPs; below 1, halving a small bill counts for more than the same saving off a big one.
        price: how much skill all of brute force is worth.
    """

    name: ClassVar[str] = "power"
    formula: ClassVar[str] = "(skill_white - skill_black) + price * ((F_black / F_brute)^p - (F_white / F_brute)^p)"
    exponent: float = 0.5
    price: float = 1.0

    def by_question(self, baseline: Sequence[Curve], interp: Sequence[Curve]) -> dict[QuestionKey, float]:
        """See the base class."""

        def cost(curve: Curve) -> float:
            return float((curve.stop_flops / curve.brute_flops) ** self.exponent)

        return _mean_over_seeds(
            [
                (
                    (black.task, black.question_hash),
                    _performance_gain(black, white) + self.price * (cost(black) - cost(white)),
                )
                for black, white in match(baseline, interp)
            ]
        )


@dataclass(frozen=True)
class LinearReward(PowerReward):
    """The document's: performance gain and FLOP reduction at each arm's own stopping point, both linear.

    FLOPs are counted as a share of brute force, so that questions of different size weigh the same.
    """

    name: ClassVar[str] = "linear"
    formula: ClassVar[str] = "(skill_white - skill_black) + price * (F_black - F_white) / F_brute"
    exponent: float = 1.0


@dataclass(frozen=True)
class SamplesReward(Reward):
    """As `linear`, with rows bought in place of FLOPs: what channels cost is left out.

    Attributes:
        price: how much skill all rows of the table are worth.
    """

    name: ClassVar[str] = "samples"
    formula: ClassVar[str] = "(skill_white - skill_black) + price * (rows_black - rows_white) / rows_of_the_table"
    price: float = 1.0

    def by_question(self, baseline: Sequence[Curve], interp: Sequence[Curve]) -> dict[QuestionKey, float]:
        """See the base class."""
        return _mean_over_seeds(
            [
                (
                    (black.task, black.question_hash),
                    _performance_gain(black, white)
                    + self.price * (black.stop_rows - white.stop_rows) / black.total_rows,
                )
                for black, white in match(baseline, interp)
            ]
        )


@dataclass(frozen=True)
class LogReward(Reward):
    """Mean over levels of skill of the decimal logarithm of the compute multiplier: 1 is ten times fewer FLOPs.

    Costs come from curves averaged over seeds, between the first checkpoint and brute force
    (see `istar.rewards.multipliers`).

    Attributes:
        levels: the levels of skill.
    """

    name: ClassVar[str] = "log"
    formula: ClassVar[str] = "mean over skill 0.5, 0.8, 0.9 of log10(F_black(level) / F_white(level))"
    levels: tuple[float, ...] = LEVELS

    def by_question(self, baseline: Sequence[Curve], interp: Sequence[Curve]) -> dict[QuestionKey, float]:
        """See the base class."""
        rewards: dict[QuestionKey, float] = {}
        for task in pair(baseline, interp):
            logs = np.mean([question_multipliers(task, level)[0] for level in self.levels], axis=0) / np.log(10.0)
            rewards.update({(task.task, key): float(value) for key, value in zip(task.questions, logs, strict=True)})
        return rewards


for _reward in (LinearReward(), LogReward(), SamplesReward(), PowerReward()):
    REWARDS.add(_reward.name, _reward)
