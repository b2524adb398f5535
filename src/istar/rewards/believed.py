"""What an executor believed of a method on a task, from the measures `channels.*` that its curves keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, TypeAlias

from istar.executors.measures import Reason
from istar.rewards.curves import Curve

PREFIX = "channels."
Numbers: TypeAlias = Mapping[str, tuple[float, ...]]
"""Means over answers, by the measure's name without its prefix; a pair is of the first decision and of the end."""


@dataclass(frozen=True)
class Believed:
    """What an executor believed of a method in its answers to a task's questions.

    Attributes:
        answers: how many there are.
        reasons: in how many of them channels were bought, or were not, for a reason; the most frequent first.
        by_reason: what was believed in these.
        numbers: what was believed in all of them.
        ranges: the least and the greatest in the end, by name, where answers differ.
    """

    answers: int
    reasons: Mapping[Reason, int]
    by_reason: Mapping[Reason, Numbers]
    numbers: Numbers
    ranges: Mapping[str, tuple[float, float]]

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels of which a correlation is stated, the answer last."""
        return tuple(name.removeprefix("rho.") for name in self.numbers if name.startswith("rho."))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "answers": self.answers,
            "reasons": {reason.name.lower(): count for reason, count in self.reasons.items()},
            "numbers": {name: list(values) for name, values in self.numbers.items()},
            "ranges": {name: list(ends) for name, ends in self.ranges.items()},
        }


def believed(curves: Sequence[Curve]) -> Believed | None:
    """Return what was believed where white-box curves were made; None if none says why channels were bought or not."""
    stated = [(reason, curve) for curve in curves if (reason := _reason(curve)) is not None]
    if not stated:
        return None
    reasons = Counter(reason for reason, _ in stated)
    every = [_numbers(curve) for _, curve in stated]
    ends = {name: [each[name][-1] for each in every if name in each] for name in _names(every)}
    return Believed(
        answers=len(curves),
        reasons=dict(reasons.most_common()),
        by_reason={
            reason: _means([_numbers(curve) for its, curve in stated if its == reason])
            for reason, _ in reasons.most_common()
        },
        numbers=_means(every),
        ranges={name: (min(last), max(last)) for name, last in ends.items() if min(last) < max(last)},
    )


def _reason(curve: Curve) -> Reason | None:
    """Return why channels were bought or not; None where it is not stated, or not as one of the reasons."""
    stated = curve.measures.get(f"{PREFIX}reason")
    return Reason(int(stated)) if isinstance(stated, int | float) and stated in list(Reason) else None


def _numbers(curve: Curve) -> dict[str, tuple[float, ...]]:
    named = {name.removeprefix(PREFIX): value for name, value in curve.measures.items() if name.startswith(PREFIX)}
    series = {name: value if isinstance(value, tuple) else (value,) for name, value in named.items()}
    return {name: values for name, values in series.items() if name != "reason" and values}


def _names(every: Sequence[Numbers]) -> list[str]:
    return list(dict.fromkeys(name for each in every for name in each))


def _means(every: Sequence[Numbers]) -> dict[str, tuple[float, ...]]:
    """Return the mean of each number; of series of different lengths, of the first and the last."""
    found = {}
    for name in _names(every):
        series = [each[name] for each in every if name in each]
        if len(set(map(len, series))) > 1:
            series = [(each[0], each[-1]) for each in series]
        found[name] = tuple(fmean(column) for column in zip(*series, strict=True))
    return found
