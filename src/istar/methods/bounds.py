"""How large Python's own integers and texts may get in a method's code.

The meter sees torch alone. Python's integers have no end, so that one product of two of them is as much work as a
method likes, done on vectors of small numbers side by side; the same holds for a search in a text. So their size ends
here: what a method's code makes of them is looked at when it is made (`istar.methods.guards` writes the calls into the
code), and built-in names that make them come from here. What is left to Python is measured by
`benchmarks/python_arithmetic.py`.
"""

from __future__ import annotations

import builtins
import collections
import itertools
import math
import statistics
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from torch import Tensor

from istar.methods.attributes import class_of
from istar.methods.contract import MethodError
from istar.methods.language import MODULES, names

__all__ = [
    "BUILTINS",
    "INTEGER_BITS",
    "STAND_INS",
    "TEXT_LENGTH",
    "WATCHED",
    "WORD_BITS",
    "StandIn",
    "bounded",
    "watched",
    "word",
]

INTEGER_BITS = 128
"""The most bits of an integer: a product of two 64-bit ones, as generators of random numbers take."""

WORD_BITS = 64
"""The most bits of an integer that bits are combined in: what torch has."""

TEXT_LENGTH = 16_384
"""The most characters of a text; 2,048 tokens, the longest context of SmolLM2, decode to half of it."""

_MOST, _WORD = (1 << INTEGER_BITS) - 1, (1 << WORD_BITS) - 1
_PLAIN = frozenset({Tensor, float, bool, complex, list, tuple, dict, set, frozenset, type(None)})


def bounded(value: Any) -> Any:
    """Return a value that a method's code has made, if it is an integer or a text within the bounds or anything else.

    Raises:
        MethodError: it is too long.
    """
    kind = type(value)
    if kind is int:
        if -_MOST <= value <= _MOST:
            return value
        raise _too_long(value, INTEGER_BITS)
    if kind in _PLAIN:
        return value
    if kind is str:
        if len(value) <= TEXT_LENGTH:
            return value
        raise MethodError(f"a text of {len(value)} characters; the limit is {TEXT_LENGTH}: keep its parts in a list")
    if isinstance(value, collections.Counter):
        for count in value.values():
            bounded(count)
    return value


def word(value: Any) -> Any:
    """Return what combines bits, if it is an integer of one machine word or anything else.

    Raises:
        MethodError: it is too long.
    """
    kind = type(value)
    if kind is int:
        if -_WORD <= value <= _WORD:
            return value
        raise _too_long(value, WORD_BITS)
    return value if kind in _PLAIN else bounded(value)


def _too_long(value: int, limit: int) -> MethodError:
    where = " where bits are combined" if limit < INTEGER_BITS else ""
    return MethodError(
        f"an integer of {value.bit_length()} bits; the limit is {limit}{where}: do the arithmetic in torch or in "
        "floats, and keep many bits in a set or a tensor"
    )


def _results(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose results are bounded."""

    def watching(*arguments: Any, **keywords: Any) -> Any:
        return bounded(function(*arguments, **keywords))

    return watching


class StandIn(type):
    """The class of what stands in for `int` and `str`: they make bounded values, and else are what they stand for."""

    _plain: Any  # a public name could be named by a method

    def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
        """Make a value."""
        return bounded(cls._plain(*arguments, **keywords))

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls._plain)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind._plain if isinstance(kind, StandIn) else kind, cls._plain)

    def __getattr__(cls, name: str) -> Any:
        return watched(cls._plain, name)

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is cls._plain

    def __hash__(cls) -> int:
        return hash(cls._plain)


_LENGTHENING = names("join replace decode capitalize casefold lower swapcase title upper")
_COUNTING = names("update subtract total")
WATCHED: frozenset[str] = _LENGTHENING | _COUNTING
"""Attributes whose calls may make a text longer (the lower case of a letter can be three), or add counts."""


def watched(value: Any, name: str) -> Any:
    """Return an attribute called by one of the names in `WATCHED`, with its results bounded."""
    found = getattr(value, name)
    if name not in WATCHED:
        return found
    counter = issubclass(class_of(value), collections.Counter)
    if name in _LENGTHENING or (counter and name == "total"):
        return _results(found)
    return _items(found) if counter else found


def _items(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a counter's `update` or `subtract` for what is counted, not for counts, which it would add unseen."""

    def counting(*arguments: Any, **keywords: Any) -> Any:
        if keywords or any(isinstance(each, Mapping) for each in arguments[-1:]):
            raise MethodError("a Counter is updated with counts; use `counter += other`, or a loop")
        return function(*arguments)

    return counting


def _accumulate(*arguments: Any, **keywords: Any) -> Iterator[Any]:
    return map(bounded, itertools.accumulate(*arguments, **keywords))


def _count(*arguments: Any, **keywords: Any) -> Iterator[Any]:
    return map(bounded, itertools.count(*arguments, **keywords))


BUILTINS: Mapping[str, Any] = {
    **{kind.__name__: StandIn(kind.__name__, (), {"_plain": kind, "__module__": "builtins"}) for kind in (int, str)},
    **{name: _results(getattr(builtins, name)) for name in ("pow", "repr", "round", "sum")},
}
"""The built-in names that make integers or texts, with their results bounded."""


def _stand_in(module: ModuleType, **members: Any) -> ModuleType:
    """Return a module like another, with some of its members exchanged."""
    standing = ModuleType(module.__name__, module.__doc__)
    standing.__dict__.update({name: value for name, value in vars(module).items() if not name.startswith("_")})
    standing.__dict__.update(members)
    return standing


STAND_INS: Mapping[str, ModuleType] = {
    "math": _stand_in(
        math,
        **{
            name: _results(getattr(math, name))
            for name in ("ceil", "comb", "factorial", "floor", "lcm", "perm", "prod", "trunc")
        },
    ),
    "itertools": _stand_in(itertools, accumulate=_accumulate, count=_count),
    # exact sums and squares of integers, whose results would be the next ones' operands
    "statistics": _stand_in(
        statistics, **{name: _results(getattr(statistics, name)) for name in sorted(MODULES["statistics"])}
    ),
}
"""The modules that a method imports under these names."""
