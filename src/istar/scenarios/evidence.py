"""Evidence on the scenarios: what can be measured of a method, each a number with its bootstrap draws.

Gains are decimal logarithms of compute multipliers (the reward `log`). What cannot be measured is evidence all the
same, with the reason in the place of the number, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from istar.rewards.bootstrap import RESAMPLES
from istar.rewards.crossing import crossings
from istar.rewards.curves import Curve
from istar.rewards.formulas import REWARDS
from istar.rewards.mdl import description, lacking
from istar.rewards.pairs import pair
from istar.seeds import Seed

LEVEL = 0.8
"""The skill at which performance is matched."""
LEAST_GAIN = 0.01
"""A gain below this, 2.3% of FLOPs, is too small to be shared out: shares of it are not measured."""
LEAST_ROOM = 0.1
"""So are shares of less room than this, in orders of magnitude."""
LEAST_DRAWS = 0.9
"""A share is measured if so many of the draws leave something to share out."""

Means = Float[np.ndarray, "draws tasks"]


@dataclass(frozen=True)
class Evidence:
    """One measured number.

    Attributes:
        name: which it is; see `istar.scenarios.rule.ASPECTS`.
        value: the number; None where it could not be measured.
        draws: the same of bootstrap resamples; empty where there are none.
        missing: why it could not be measured, and what to do; empty if it was.
        about: what it is made of, by name.
    """

    name: str
    value: float | None
    draws: tuple[float, ...] = ()
    missing: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95% percentile interval, None without draws."""
        if self.value is None or not self.draws:
            return None
        low, high = np.quantile(self.draws, (0.025, 0.975), method="inverted_cdf")  # draws may be infinite
        return float(low), float(high)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, the draws as their interval; what is infinite is None, with nothing missing."""
        interval = self.interval
        return {
            "value": self.value,
            "low": None if interval is None else interval[0],
            "high": None if interval is None else interval[1],
            "missing": self.missing,
            "about": dict(self.about),
        }


def missing(name: str, why: str, **about: Any) -> Evidence:
    """Return evidence that was not measured."""
    return Evidence(name, None, (), why, about)


class Resampled:
    """Bootstrap resamples of questions within tasks, and of tasks: the same for every number of a question.

    Args:
        sizes: how many questions each task has.
        name: decides the resamples.
        tasks: whether tasks are resampled too.
    """

    def __init__(self, sizes: Sequence[int], name: str, *, tasks: bool = True) -> None:
        """See the class docstring."""
        generator = Seed.root(0).split("scenario", name).generator()
        count = len(sizes)
        self.tasks = (
            generator.integers(count, size=(RESAMPLES, count))
            if tasks
            else np.broadcast_to(np.arange(count), (RESAMPLES, count))
        )
        self._drawn = [generator.integers(size, size=(RESAMPLES, count, size)) for size in sizes]

    def __call__(self, values: Sequence[Float[np.ndarray, " questions"]]) -> Means:
        """Return the means over questions of the tasks of every resample."""
        found = np.empty(self.tasks.shape)
        for task, (mine, drawn) in enumerate(zip(values, self._drawn, strict=True)):
            here = self.tasks == task
            found[here] = mine[drawn[here]].mean(axis=-1)
        return found


def explained(black: Sequence[Curve], white: Sequence[Curve], truth: Mapping[str, float]) -> Evidence:
    """Return the share of the FLOP orders of magnitude between no method and the truth that a method saves.

    With F the FLOPs for skill 0.8, `room = log10 F_black / F_truth`, `unexplained = log10 F_white / F_truth`, both
    means over questions and then over tasks, the share is `1 - unexplained / room`: 1 where nothing is left, 0 where
    nothing was saved, whatever room the tasks have.

    Args:
        black: curves without the method.
        white: curves with it.
        truth: by task, decimal logarithm of what the executor needs with a channel that knows all values, as a share of
            brute force. Tasks that are not in it are left out.
    """
    name = "explained"
    costs = {}
    for pairs in pair(black, white):
        if pairs.task in truth:
            mine = [
                crossings(arm.mean(1), pairs.log_budgets, LEVEL).log_cost / np.log(10.0)
                for arm in (pairs.black, pairs.white)
            ]
            costs[pairs.task] = tuple(each - truth[pairs.task] for each in mine)
    if not costs:
        return missing(name, "no task has a measured cost of the truth")
    room, left = ([each[arm] for each in costs.values()] for arm in (0, 1))
    by_task = {task: {"room": float(a.mean()), "unexplained": float(b.mean())} for task, (a, b) in costs.items()}
    spread = Resampled([len(each) for each in room], name)
    rooms, lefts = spread(room).mean(1), spread(left).mean(1)
    total, rest = (float(np.mean([each.mean() for each in arm])) for arm in (room, left))
    about = {
        "unexplained_orders": rest,
        "unexplained_low": float(np.quantile(lefts, 0.025)),
        "unexplained_high": float(np.quantile(lefts, 0.975)),
        "room_orders": total,
        "tasks": by_task,
    }
    return _share(name, total - rest, total, rooms - lefts, rooms, LEAST_ROOM, "the tasks have no room", about)


def gains_of(black: Sequence[Curve], white: Sequence[Curve]) -> dict[str, Float[np.ndarray, " questions"]]:
    """Return the gain on every question, by task."""
    found: dict[str, list[float]] = {}
    for (task, _), gain in sorted(REWARDS.get("log").by_question(black, white).items()):
        found.setdefault(task, []).append(gain)
    return {task: np.array(gains) for task, gains in found.items()}


def transfer(gains: Mapping[str, Float[np.ndarray, " questions"]], chosen_on: Sequence[str]) -> Evidence:
    """Return the gain on families whose data was removed from the choice of the method, over that on the others.

    Args:
        gains: by task.
        chosen_on: the families that the method was made or chosen on.
    """
    name = "transfer"
    seen = {task: each for task, each in gains.items() if _family(task) in chosen_on}
    others = {task: each for task, each in gains.items() if task not in seen}
    if not seen or not others:
        return missing(name, "no families were asked but those that it was chosen on" if seen else "none was asked")
    draws = [
        Resampled([len(each) for each in of.values()], f"{name} {side}", tasks=drawn)(list(of.values())).mean(1)
        for side, of, drawn in (("seen", seen, False), ("others", others, True))
    ]
    there, here = (float(np.mean([each.mean() for each in of.values()])) for of in (others, seen))
    about = {"gain_chosen_on": here, "gain_elsewhere": there, "chosen_on": sorted(chosen_on)}
    why = "it saves nothing on the families that it was chosen on"
    return _share(name, there, here, draws[1], draws[0], LEAST_GAIN, why, about)


def evenness(gains: Mapping[str, Float[np.ndarray, " questions"]]) -> Evidence:
    """Return how evenly gains are spread over families: their effective number over their number.

    With g the gains of n families, those below 0 being 0, that is `(sum g)^2 / (n sum g^2)`: 1 where all gain alike,
    1/n where one alone does.
    """
    name, least = "evenness", 3
    families = sorted({_family(task) for task in gains})
    if len(families) < least:
        return missing(name, f"{len(families)} families were asked; it takes {least}")
    member = np.array([[_family(task) == family for task in gains] for family in families], dtype=np.float64)
    member /= member.sum(1, keepdims=True)
    by_family = member @ np.array([each.mean() for each in gains.values()])
    spread = Resampled([len(each) for each in gains.values()], name, tasks=False)
    drawn = np.maximum(spread(list(gains.values())) @ member.T, 0.0)
    positive = np.maximum(by_family, 0.0)
    about = {"gains": dict(zip(families, by_family.tolist(), strict=True))}
    part, parts = float(positive.sum()) ** 2, drawn.sum(-1) ** 2
    whole, wholes = len(families) * float((positive**2).sum()), len(families) * (drawn**2).sum(-1)
    enough = len(families) * LEAST_GAIN**2
    return _share(name, part, whole, parts, wholes, enough, "it saves nothing in any family", about)


@dataclass(frozen=True)
class Removed:
    """What a family's methods are when the data of others, or its own, are removed from the choice.

    Attributes:
        family: the family.
        alone: the method that is best on it, all other families' data removed.
        gain_alone: its gain there.
        without: the method that is best on all others, the family's own data removed.
        gain_without: its gain on the family.
    """

    family: str
    alone: str
    gain_alone: float
    without: str
    gain_without: float


def removed(methods: Mapping[str, Mapping[str, Float[np.ndarray, " questions"]]]) -> tuple[Removed, ...]:
    """Return, family by family, what would be chosen from its data alone, and what without it.

    Args:
        methods: gains of each method on every question, by task; methods that were not asked every task are left out,
            and of equally good ones the first is chosen.
    """
    tasks = {task for gains in methods.values() for task in gains}
    families = sorted({_family(task) for task in tasks})
    by_family = {
        name: {
            family: _mean({task: each for task, each in gains.items() if _family(task) == family})
            for family in families
        }
        for name, gains in methods.items()
        if set(gains) == tasks
    }
    if len(families) < 2 or not by_family:
        return ()
    found = []
    for family in families:
        alone = max(by_family, key=lambda name: by_family[name][family])
        without = max(
            by_family, key=lambda name: sum(gain for other, gain in by_family[name].items() if other != family)
        )
        found.append(Removed(family, alone, by_family[alone][family], without, by_family[without][family]))
    return tuple(found)


def student_share(
    own: Mapping[str, Float[np.ndarray, " questions"]],
    students: Mapping[str, Mapping[str, Float[np.ndarray, " questions"]]],
    costs: Mapping[str, float],
) -> Evidence:
    """Return the share of a method's gain that the best functional student gets that costs no more.

    Args:
        own: the method's gain on every question, by task.
        students: that of each student on the same questions.
        costs: mean FLOPs of what each student says of a question over those of the method.
    """
    name = "student"
    at_equal_cost = {student: each for student, each in students.items() if costs[student] <= 1.0}
    about: dict[str, Any] = {"costs": dict(costs), "tasks": sorted(own)}
    if not at_equal_cost:
        dear = ", ".join(f"{student} {costs[student]:.3g}" for student in students)
        return missing(name, f"every student costs more than the method ({dear} times as much)", **about)
    spread = Resampled([len(each) for each in own.values()], name, tasks=False)
    mine = spread(list(own.values())).mean(1)
    gains = {student: _mean(each) for student, each in at_equal_cost.items()}
    best = max(gains, key=lambda student: gains[student])
    theirs = spread([at_equal_cost[best][task] for task in own]).mean(1)
    about |= {"gain": _mean(own), "students": gains, "best": best}
    return _share(name, gains[best], _mean(own), theirs, mine, LEAST_GAIN, "the method itself saves nothing", about)


def length(black: Sequence[Curve], white: Sequence[Curve]) -> Evidence:
    """Return after how many questions of each task a method's length is paid for by bits, as a decimal logarithm.

    The length is that of its source and of its interpretation (`istar.rewards.mdl`); infinite if it is never paid.
    """
    name = "length"
    if why := lacking(black, white):
        return missing(name, why)
    found = description(black, white)
    saved: dict[str, list[float]] = {}
    for (task, _), bits in found.saved.items():
        saved.setdefault(task, []).append(bits)
    drawn = Resampled([len(each) for each in saved.values()], name)([np.array(each) for each in saved.values()]).mean(1)

    def after(bits: Float[np.ndarray, " draws"]) -> Float[np.ndarray, " draws"]:
        paid = found.length / np.maximum(bits, 1e-9) / len(saved)
        return np.where(bits > 0, np.log10(np.maximum(paid, 1e-9)), np.inf)

    value = float(after(np.array([found.saved_by_question]))[0])
    about = {
        "source_bits": found.source,
        "interpretation_bits": found.interpretation,
        "saved_bits_a_question": found.saved_by_question,
    }
    return Evidence(name, value, tuple(after(drawn).tolist()), "", about)


def mean_of(name: str, values: Sequence[float], about: Mapping[str, Any]) -> Evidence:
    """Return the mean of independent measurements as evidence, with its bootstrap draws."""
    each = np.array(values)
    picked = Seed.root(0).split("scenario", name).generator().integers(len(each), size=(RESAMPLES, len(each)))
    return Evidence(name, float(each.mean()), tuple(each[picked].mean(1).tolist()), "", about)


def _share(
    name: str,
    part: float,
    whole: float,
    parts: Float[np.ndarray, " draws"],
    wholes: Float[np.ndarray, " draws"],
    least: float,
    why: str,
    about: Mapping[str, Any],
) -> Evidence:
    """Return a share as evidence; missing where there is too little to share out, in itself or in most draws."""
    enough = wholes > least
    if whole <= least or enough.mean() < LEAST_DRAWS:
        return missing(name, f"{why}, or no more than chance, so that there is nothing to share out", **about)
    return Evidence(name, part / whole, tuple((parts[enough] / wholes[enough]).tolist()), "", about)


def _mean(gains: Mapping[str, Float[np.ndarray, " questions"]]) -> float:
    return float(np.mean([each.mean() for each in gains.values()]))


def _family(task: str) -> str:
    return task.partition("/")[0]
