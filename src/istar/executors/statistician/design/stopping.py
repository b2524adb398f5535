"""When to stop: where a further share of brute force is expected to buy less than the same share of skill."""

from __future__ import annotations

import numpy as np

from istar.executors.statistician.settings import DEFAULT_DECAY, RATE


class StoppingRule:
    """Watches the posterior variance fall and says when to stop.

    The share of variance that remains falls about like a power of what was spent; the slope of that curve is the skill
    that the next FLOPs will buy.

    Args:
        brute_flops: FLOPs of brute force.
    """

    def __init__(self, brute_flops: int) -> None:
        """See the class docstring."""
        self.brute_flops = brute_flops
        self._spent: list[float] = []
        self._remaining: list[float] = []

    def should_stop(self, spent: int, remaining: float) -> bool:
        """Note what remains after a budget and return whether to stop.

        Args:
            spent: FLOPs spent so far.
            remaining: posterior variance of the answer as a share of the prior's.
        """
        share = spent / self.brute_flops
        if spent > 0 and remaining < 1.0:
            self._spent.append(share)
            self._remaining.append(max(remaining, 1e-12))
        if len(self._spent) == 0:
            return False
        decay = DEFAULT_DECAY
        if len(self._spent) >= 3 and self._spent[-1] > self._spent[-3]:
            fall = np.log(self._remaining[-3] / self._remaining[-1])
            decay = float(np.clip(fall / np.log(self._spent[-1] / self._spent[-3]), 0.3, 1.5))
        return decay * remaining / share < RATE
