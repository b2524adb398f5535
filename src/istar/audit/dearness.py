"""First desideratum: how dear is a task by behaviour alone?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from istar.arms.replays import Replays
from istar.arms.task_questions import TaskQuestions
from istar.rewards import LEVELS
from istar.rewards.budgets import at_shares, common_shares, shares_of
from istar.rewards.crossing import crossings
from istar.rewards.curves import Curve


@dataclass(frozen=True)
class Dearness:
    """What the black-box arm needs.

    Attributes:
        budgets: FLOP budgets as shares of brute force, ascending; those that the curves of all questions reach.
        skill: mean skill of the black-box arm at each, over questions and executor seeds.
        share: by level of skill, the share of brute force at which it is first stably reached; geometric mean over
            questions, each question's curve averaged over seeds first.
        flops: by level of skill, the same in FLOPs.
    """

    budgets: tuple[float, ...]
    skill: tuple[float, ...]
    share: Mapping[float, float]
    flops: Mapping[float, float]


def black_box_curves(replays: Replays, questions: TaskQuestions) -> tuple[tuple[Curve, ...], ...]:
    """Return the curves of the black-box arm, by question."""
    return tuple(replays.baseline(table).curves for table in questions.tables)


def dearness(curves: Sequence[Sequence[Curve]]) -> Dearness:
    """Return what the black-box arm needs.

    Args:
        curves: the black-box arm's curves, by question; one an executor seed.
    """
    own = [shares_of(each[0]) for each in curves]
    skills = [np.mean([curve.skill for curve in each], axis=0) for each in curves]
    shares = common_shares(each[0] for each in own)
    brute = np.log([each[0].brute_flops for each in curves])
    logs = {
        level: np.array([crossings(mean, np.log(at), level).log_cost for mean, at in zip(skills, own, strict=True)])
        for level in LEVELS
    }
    return Dearness(
        budgets=tuple(shares.tolist()),
        skill=tuple(np.mean([at_shares(shares, *each) for each in zip(own, skills, strict=True)], axis=0).tolist()),
        share={level: float(np.exp(log.mean())) for level, log in logs.items()},
        flops={level: float(np.exp((log + brute).mean())) for level, log in logs.items()},
    )
