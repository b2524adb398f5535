"""How long a parent waits for a worker: what the worker waits for a processor does not count."""

from __future__ import annotations

import time
from collections.abc import Callable

MOST_TIMES = 16.0
"""How many times its seconds a deadline comes after its beginning at the latest."""


class Deadline:
    """A moment after which nothing is waited for any more.

    It is put off by as long as whoever is waited for was ready to run and other work had the processors, so that what
    comes in time does not depend on what else the machine does.

    Args:
        seconds: from now.
        queued: seconds that it has waited for a processor since now, asked for when the moment has come.
    """

    def __init__(self, seconds: float, queued: Callable[[], float] = lambda: 0.0) -> None:
        """See the class docstring."""
        self._start, self._seconds, self._queued = time.monotonic(), seconds, queued
        self.put_off = 0.0
        """Seconds by which it was put off."""

    def left(self) -> float:
        """Return how many seconds are left, 0 once it has passed."""
        if (left := self._left()) <= 0:
            self.put_off = max(self.put_off, min(self._queued(), (MOST_TIMES - 1) * self._seconds))
            left = self._left()
        return max(0.0, left)

    def _left(self) -> float:
        return self._start + self._seconds + self.put_off - time.monotonic()

    def meets(self, ready: Callable[[float], object]) -> bool:
        """Return whether something is ready before it.

        Args:
            ready: waits for at most so many seconds, and returns something true as soon as that is so.
        """
        while (left := self.left()) > 0:
            if ready(left):
                return True
        return False
