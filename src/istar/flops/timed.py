"""A meter that also holds a clock: how long the operations of each kind take, beside what is billed for them."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import Any, NamedTuple

from istar.flops.kinds import kind_of
from istar.flops.meter import Meter, _Entry


class KindUse(NamedTuple):
    """What operations of one kind were billed, and what they took.

    Attributes:
        flops: FLOPs billed for what ran; not for what was only charged.
        calls: how often one ran.
        nanoseconds: time inside them, by the wall's clock.
    """

    flops: int
    calls: int
    nanoseconds: int


class TimedMeter(Meter):  # type: ignore[no-untyped-call]
    """Counts as any meter, and measures the time inside each operation.

    What torch takes apart is timed part by part, so nothing is counted twice. It costs a fifth of a microsecond an
    operation.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """See `Meter`."""
        super().__init__(*arguments, **options)
        self._clocks: dict[int, _Clock] = {}

    def _learn(self, func: Any) -> _Entry:
        entry = super()._learn(func)
        clock = self._clocks[id(func)] = _Clock()
        entry.run = _timed(entry.run, clock)
        return entry

    @property
    def kinds(self) -> dict[str, KindUse]:
        """What ran so far, by kind of operation (`istar.flops.kinds`)."""
        found: dict[str, KindUse] = {}
        for key, clock in self._clocks.items():
            entry = self._entries[key]
            if entry.calls:
                kind = kind_of(entry.name)
                flops, calls, nanoseconds = found.get(kind, KindUse(0, 0, 0))
                found[kind] = KindUse(flops + entry.flops, calls + entry.calls, nanoseconds + clock.nanoseconds)
        return found


class _Clock:
    __slots__ = ("nanoseconds",)

    def __init__(self) -> None:
        self.nanoseconds = 0


def _timed(run: Callable[..., Any], clock: _Clock, now: Callable[[], int] = perf_counter_ns) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        started = now()
        result = run(*arguments, **options)
        clock.nanoseconds += now() - started
        return result

    return call
