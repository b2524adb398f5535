"""A meter that also holds a clock: what the operations of each kind take, beside what is billed for them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from time import thread_time_ns
from typing import Any, NamedTuple

from istar.flops.kinds import kind_of
from istar.flops.meter import Meter, _Entry

LONG = 20_000
"""Nanoseconds from which an operation is long; reading the clock twice takes one."""
STREAK = 8
"""How many calls after a long one are timed too, since sizes alternate."""
MOST_SKIPPED = 31
"""Of other calls each sixteenth is timed, on average. Which ones is drawn, so that nobody can know."""


class KindUse(NamedTuple):
    """What operations of one kind were billed, and what they took.

    Attributes:
        flops: FLOPs billed for what ran; not for what was only charged.
        calls: how often one ran.
        nanoseconds: processor time of this thread inside them.
    """

    flops: int
    calls: int
    nanoseconds: int


class TimedMeter(Meter):  # type: ignore[no-untyped-call]
    """Counts as any meter, and takes the processor time inside operations: of some calls, drawn at random.

    A call that turns out long has those after it timed too; the rest count as those that were drawn.

    What torch takes apart is timed part by part, so nothing is counted twice.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """See `Meter`."""
        super().__init__(*arguments, **options)
        self._clocks: dict[int, _Clock] = {}
        self._draw = Random()

    def _learn(self, func: Any) -> _Entry:
        entry = super()._learn(func)
        clock = self._clocks[id(func)] = _Clock()
        entry.run = _timed(entry.run, clock, self._draw.random)
        return entry

    @property
    def kinds(self) -> dict[str, KindUse]:
        """What ran so far, by kind of operation (`istar.flops.kinds`)."""
        found: dict[str, KindUse] = {}
        for key, entry in self._entries.items():
            if entry.calls:
                clock = self._clocks[key]
                kind = kind_of(entry.name)
                flops, calls, nanoseconds = found.get(kind, KindUse(0, 0, 0))
                found[kind] = KindUse(
                    flops + entry.flops, calls + entry.calls, nanoseconds + clock.nanoseconds(entry.calls)
                )
        return found


class _Clock:
    """Processor time of one operation, from the calls of it that were timed."""

    __slots__ = ("drawn", "drawn_total", "skip", "streak", "timed", "total")

    def __init__(self) -> None:
        self.skip = self.streak = 0
        self.timed = self.total = 0
        self.drawn = self.drawn_total = 0

    def nanoseconds(self, calls: int) -> int:
        """Return what so many calls took: those that were not timed, as those that were drawn."""
        others = max(0, calls - self.timed)
        return self.total + (others * self.drawn_total // self.drawn if self.drawn else 0)


def _timed(
    run: Callable[..., Any], clock: _Clock, draw: Callable[[], float], now: Callable[[], int] = thread_time_ns
) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        if clock.skip:
            clock.skip -= 1
            return run(*arguments, **options)
        started = now()
        result = run(*arguments, **options)
        taken = now() - started
        clock.timed += 1
        clock.total += taken
        if clock.streak:
            clock.streak -= 1
        else:
            clock.drawn += 1
            clock.drawn_total += taken
        if taken > LONG:
            clock.streak = STREAK
        if not clock.streak:
            clock.skip = int(draw() * MOST_SKIPPED)
        return result

    return call
