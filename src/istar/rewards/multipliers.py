"""The compute multiplier: how many times fewer FLOPs the white-box arm needs for the same skill.

For a question and a level of skill, the curves of each arm are averaged over the executor's seeds; each arm's cost is
the budget at the first stable crossing (`istar.rewards.crossing`); the multiplier is the black-box arm's cost over the
white-box arm's. Over questions, and then over tasks, multipliers are averaged geometrically.

Costs are known only between the first checkpoint and brute force. Who reaches the level at or before the first
checkpoint is counted at that budget, and who never reaches it at brute force, in both arms alike: buying every row
gives the truth, so no arm ever needs to pay more. (The black-box arm reaches every level there by construction. The
white-box arm may not, because what it spent on channels is missing for rows.) Such a multiplier is a bound, and it is
flagged as censored with its direction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from istar.rewards.bootstrap import RESAMPLES, Estimate, Sample, group_intervals, resample_task
from istar.rewards.crossing import BEFORE_FIRST, NEVER, crossings
from istar.rewards.curves import Curve
from istar.rewards.pairs import TaskPairs, pair
from istar.seeds import Seed

LEVELS = (0.5, 0.8, 0.9)
OCTAVES = 8
"""So many octaves of budgets, with a difference in skill of 1 throughout, are a gain of 1."""

Bound = Literal["exact", "at_least", "at_most", "unknown"]


@dataclass(frozen=True)
class MultiplierEstimate:
    """A compute multiplier with its 95 % confidence interval.

    Attributes:
        estimate: geometric mean over the questions of each task, and over tasks.
        low: lower end of the interval.
        high: upper end of the interval.
        censored: whether any question's multiplier is only a bound.
        bound: what the estimate is then: `at_least` or `at_most` the true one, or `unknown` where both occur.
        censored_questions: how many questions are censored.
        questions: of how many.
    """

    estimate: float
    low: float
    high: float
    censored: bool
    bound: Bound
    censored_questions: int
    questions: int


@dataclass(frozen=True)
class Comparison:
    """White box against black box over a task, a family, or all.

    Attributes:
        name: the task or the family, or `all`.
        tasks: the tasks it covers.
        multipliers: by level of skill.
        skill_gain: area between the curves, white minus black, over the logarithm of the budgets below brute force;
            each answer holds up to the next budget, and `OCTAVES` count as 1. For curves that begin at 1/256 of brute
            force it is the mean difference in skill. Earlier budgets add what is gained there and take nothing away, so
            it does not depend on where a question begins.
    """

    name: str
    tasks: tuple[str, ...]
    multipliers: Mapping[float, MultiplierEstimate]
    skill_gain: Estimate


@dataclass(frozen=True)
class Summary:
    """All comparisons of a method.

    Attributes:
        tasks: one for each task, by name.
        families: one for each family, by name.
        overall: over all tasks; every task weighs the same.
    """

    tasks: tuple[Comparison, ...]
    families: tuple[Comparison, ...]
    overall: Comparison


@dataclass(frozen=True)
class _Task:
    pairs: TaskPairs
    sample: Sample
    bounds: Mapping[float, tuple[Bound, ...]]


def question_multipliers(pairs: TaskPairs, level: float) -> tuple[Float[np.ndarray, " questions"], tuple[Bound, ...]]:
    """Return the natural logarithm of each question's multiplier, and whether it is exact or a bound."""
    black = crossings(pairs.black.mean(1), pairs.log_budgets, level)
    white = crossings(pairs.white.mean(1), pairs.log_budgets, level)
    bounds = tuple(_bound(int(one), int(other)) for one, other in zip(black.state, white.state, strict=True))
    return black.log_cost - white.log_cost, bounds


def compare(
    baseline: Sequence[Curve],
    interp: Sequence[Curve],
    *,
    levels: Sequence[float] = LEVELS,
    resamples: int = RESAMPLES,
    seed: Seed | None = None,
) -> Summary:
    """Return multipliers and skill gains for every task, every family and overall, with intervals.

    Args:
        baseline: curves of the black-box arm.
        interp: curves of the white-box arm on the same questions and seeds.
        levels: levels of skill, each above 0.
        resamples: number of bootstrap resamples.
        seed: decides the resamples; the default is the root of 0.

    Raises:
        CurveError: the curves cannot be paired.
    """
    seed = (seed or Seed.root(0)).split("bootstrap")
    tasks = [_task(pairs, tuple(levels), seed.split(pairs.task), resamples) for pairs in pair(baseline, interp)]
    families: dict[str, list[_Task]] = defaultdict(list)
    for task in tasks:
        families[task.pairs.family].append(task)
    return Summary(
        tuple(_comparison(task.pairs.task, [task], seed) for task in tasks),
        tuple(_comparison(family, members, seed.split(family)) for family, members in families.items()),
        _comparison("all", tasks, seed.split("all")),
    )


def _task(pairs: TaskPairs, levels: tuple[float, ...], seed: Seed, resamples: int) -> _Task:
    widths = np.diff(pairs.log_budgets, axis=-1, append=pairs.log_budgets[:, -1:]) / (OCTAVES * np.log(2.0))
    widths = np.nan_to_num(widths)

    def figures(
        questions: Int[np.ndarray, "draws questions"], seeds: Int[np.ndarray, "draws questions seeds"]
    ) -> Float[np.ndarray, "draws figures"]:
        drawn = (questions[..., None], seeds)
        black, white = pairs.black[drawn].mean(2), pairs.white[drawn].mean(2)
        budgets = pairs.log_budgets[questions]
        costs = [
            crossings(black, budgets, level).log_cost - crossings(white, budgets, level).log_cost for level in levels
        ]
        gain = (widths[questions] * np.nan_to_num(white - black)).sum(-1)
        per_question = np.stack([*costs, gain], axis=-1)
        return np.asarray(per_question.mean(1))

    sample = resample_task(figures, len(pairs.questions), pairs.black.shape[1], seed, resamples)
    return _Task(pairs, sample, {level: question_multipliers(pairs, level)[1] for level in levels})


def _comparison(name: str, tasks: Sequence[_Task], seed: Seed) -> Comparison:
    intervals = group_intervals([task.sample for task in tasks], seed)
    multipliers = {}
    for level, interval in zip(tasks[0].bounds, intervals[:-1], strict=True):
        bounds = [bound for task in tasks for bound in task.bounds[level]]
        censored = [bound for bound in bounds if bound != "exact"]
        multipliers[level] = MultiplierEstimate(
            estimate=float(np.exp(interval.estimate)),
            low=float(np.exp(interval.low)),
            high=float(np.exp(interval.high)),
            censored=bool(censored),
            bound=_joint(censored),
            censored_questions=len(censored),
            questions=len(bounds),
        )
    return Comparison(name, tuple(task.pairs.task for task in tasks), multipliers, intervals[-1])


def _bound(black: int, white: int) -> Bound:
    """Return what the ratio of two costs says of the true one, given where each arm's cost is known.

    A cost before the first checkpoint is overstated. A white-box cost beyond brute force is understated; a black-box
    one is not, as brute force is what the black-box arm can always fall back on.
    """
    low = white == BEFORE_FIRST
    high = white == NEVER or black == BEFORE_FIRST
    if low and high:
        return "unknown"
    if low:
        return "at_least"
    return "at_most" if high else "exact"


def _joint(censored: Sequence[Bound]) -> Bound:
    if not censored:
        return "exact"
    return censored[0] if len(set(censored)) == 1 else "unknown"
