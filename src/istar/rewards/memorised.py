"""Whether a method knew the answers: its reward on questions whose answers are public against that on fresh ones.

Both are drawn from the same families, so for a method that knew neither it is a matter of chance which is which. The
rule exchanges them at random within each task, which is exact: of methods that know nothing at most `LEVEL` are marked,
however rewards are distributed. A task on which a method fails counts as a reward of 0 on each question, so that it is
of no use to fail where an answer is not known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import comb, prod
from typing import Any

import numpy as np

from istar.rewards.curves import Curve
from istar.rewards.formulas import REWARDS
from istar.seeds import Seed

LEVEL = 0.01
"""The share of methods that know nothing which may be marked, at most."""
EXCHANGES = 9_999


@dataclass(frozen=True)
class Memorisation:
    """What a method's rewards on committed and on fresh questions say.

    Attributes:
        committed: its reward on committed questions, over the tasks that were asked both.
        fresh: its reward on fresh questions of the same tasks.
        p_value: how often committed questions would come out so far ahead by chance.
        memorised: whether that is rarer than `LEVEL`; None where there are too few questions for it ever to be.
        level: the level.
        questions: how many committed and how many fresh questions.
    """

    committed: float
    fresh: float
    p_value: float
    memorised: bool | None
    level: float
    questions: tuple[int, int]

    @property
    def excess(self) -> float:
        """How much more the method is worth on committed questions."""
        return self.committed - self.fresh

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {**asdict(self), "excess": self.excess}


def memorisation(
    committed: Mapping[str, Sequence[float]], fresh: Mapping[str, Sequence[float]], seed: Seed | None = None
) -> Memorisation | None:
    """Return what rewards on committed and fresh questions say of a method; None where no task was asked both.

    Args:
        committed: the reward of each committed question, by task.
        fresh: the same of fresh questions.
        seed: decides which exchanges are drawn; the root of 0 by default.
    """
    tasks = [task for task in sorted(committed) if committed[task] and fresh.get(task)]
    if not tasks:
        return None
    generator = (seed or Seed.root(0)).split("memorised").generator()
    known = np.array([np.mean(committed[task]) for task in tasks])
    drawn = np.array([np.mean(fresh[task]) for task in tasks])
    found = float(np.mean(known - drawn))
    by_chance = np.zeros(EXCHANGES)
    for task in tasks:
        every = np.array([*committed[task], *fresh[task]], dtype=np.float64)
        share = len(committed[task])
        orders = generator.permuted(np.broadcast_to(every, (EXCHANGES, len(every))), axis=1)
        by_chance += (orders[:, :share].mean(1) - orders[:, share:].mean(1)) / len(tasks)
    at_least = int((by_chance >= found - 1e-9).sum())
    p_value = (1 + at_least) / (1 + EXCHANGES)
    ways = prod(comb(len(committed[task]) + len(fresh[task]), len(fresh[task])) for task in tasks)
    return Memorisation(
        committed=float(known.mean()),
        fresh=float(drawn.mean()),
        p_value=p_value,
        memorised=p_value <= LEVEL if 1 / ways <= LEVEL else None,
        level=LEVEL,
        questions=(sum(len(committed[task]) for task in tasks), sum(len(fresh[task]) for task in tasks)),
    )


@dataclass(frozen=True)
class Answered:
    """What a method was worth on some questions.

    Attributes:
        baseline: curves of the black-box arm.
        interp: curves of the white-box arm.
        failed: the tasks on which it failed; they have no curves.
    """

    baseline: Sequence[Curve]
    interp: Sequence[Curve]
    failed: Collection[str] = ()

    def by_task(self, reward: str) -> dict[str, list[float]]:
        """Return the reward of each question under a formula, by task."""
        rewards: dict[str, list[float]] = {}
        if self.interp:
            for (name, _), each in REWARDS.get(reward).by_question(self.baseline, self.interp).items():
                rewards.setdefault(name, []).append(each)
        return rewards


def compared(reward: str, committed: Answered, fresh: Answered, seed: Seed) -> Memorisation | None:
    """Return whether a method knew the answers to committed questions; None where no task was asked both.

    Args:
        reward: name of the reward formula.
        committed: what it was worth on committed questions.
        fresh: the same of fresh ones.
        seed: see `memorisation`.
    """
    known, drawn = committed.by_task(reward), fresh.by_task(reward)
    for name in committed.failed:
        known[name] = [0.0] * len(drawn.get(name, ()))
    for name in fresh.failed:
        drawn[name] = [0.0] * len(known.get(name, ()))
    return memorisation(known, drawn, seed)
