"""Measures: numbers of one's own that go with a trace, a curve and the ledger, and that rewards may use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import IntEnum
from numbers import Real
from typing import TypeAlias

Measure: TypeAlias = float | tuple[float, ...]
"""One number, or a series of numbers of any length."""


class Reason(IntEnum):
    """Why an executor bought a method's channels or did not: the measure `channels.reason`.

    Attributes:
        NO_CHANNEL: the method said nothing of the question.
        SILENT: it said nothing of the task's other questions, so that nothing is asked of it.
        WORTHLESS: by the task's other questions its channels tell next to nothing, so not even for nothing.
        NEEDLESS: they may tell something, but even for nothing they would add too little to rows.
        TOO_DEAR: they would be bought for less.
        UNPAID: they were saved up for, and rows told enough before they were paid.
        GIVEN_UP: some were bought, and not believed in the end.
        USED: some were bought, and believed to the end.
    """

    NO_CHANNEL = 0
    SILENT = 1
    WORTHLESS = 2
    NEEDLESS = 3
    TOO_DEAR = 4
    UNPAID = 5
    GIVEN_UP = 6
    USED = 7


def plain_measures(measures: Mapping[str, float | Sequence[float]]) -> dict[str, Measure]:
    """Return measures as plain numbers that JSON gives back as they are.

    Args:
        measures: by name, a number or a series of numbers; NumPy's are taken too.

    Raises:
        ValueError: a name is no text, or a value is neither a finite number nor a flat series of such; it is named.
    """
    plain: dict[str, Measure] = {}
    for name, value in measures.items():
        if not isinstance(name, str) or not name:
            raise ValueError(f"the name of a measure is {name!r}; it must be text")
        series = value.tolist() if hasattr(value, "tolist") else value
        if isinstance(series, list | tuple):
            plain[name] = tuple(_number(name, each) for each in series)
        else:
            plain[name] = _number(name, series)
    return plain


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ValueError(f"the measure {name!r} holds {value!r:.60}; it must be a finite number, or a series of them")
    return int(value) if isinstance(value, int) else float(value)
