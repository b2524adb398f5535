"""How long work still takes: an estimate, better with every piece that is done."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pace:
    """Watches work being done.

    Args:
        work: how much there is, in any unit.
        rate: how much a second does, as far as is known beforehand.
        clock: tells seconds.
    """

    def __init__(self, work: float, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        """See the class docstring."""
        self.work, self._rate, self._clock = work, rate, clock
        self._done = 0.0
        self._began = clock()

    def did(self, work: float) -> None:
        """Note that so much more is done."""
        self._done += work

    def seconds_left(self) -> float:
        """Return how long the rest takes, at the rate so far once a tenth is done."""
        passed = self._clock() - self._began
        known = self._done > 0.1 * self.work and passed > 0
        rate = self._done / passed if known else self._rate
        return max(0.0, self.work - self._done) / rate


def minutes(seconds: float) -> str:
    """Return a duration for people, such as `about 4 minutes`."""
    if seconds < 45:
        return "less than a minute"
    count = max(1, round(seconds / 60))
    return "about a minute" if count == 1 else f"about {count} minutes"
