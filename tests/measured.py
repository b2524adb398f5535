"""What tests have in place of seconds, so that none depends on how fast or how busy a machine is.

A limit is stated in units of a piece of work whose processor time is measured here and now, or what is measured grows
until there is enough of it. Whoever waits for something waits until it is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 1800.0
"""Seconds after which something that ought to happen is given up. Only a test that fails waits so long."""


def eventually(condition: Callable[[], bool]) -> bool:
    """Wait until something holds; return whether it came to hold."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def processor_seconds(work: Callable[[], object], times: int = 5) -> float:
    """Return the least processor time, in seconds, that a piece of work takes this process in a few times."""
    taken = []
    for _ in range(times):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


def grown(measure: Callable[[int], float], enough: float, most: int = 2**12) -> tuple[int, float]:
    """Double a piece of work until what is measured of it is enough, or it is large.

    Args:
        measure: does so many units of work and returns what was measured.
        enough: when to stop.
        most: the most units.

    Returns:
        The units of the last piece, and what was measured of it.
    """
    units = 1
    while (found := measure(units)) < enough and units < most:
        units *= 2
    return units, found
