"""Measures: numbers of one's own that go with a trace, a curve and the ledger, and that rewards may use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TypeAlias

Measure: TypeAlias = float | tuple[float, ...]
"""One number, or a series of numbers of any length."""


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
