"""What the witness cannot see of a question, in FLOPs: a task that is not much dearer is in no reward.

The figures are of one machine, so that the same tasks are in a reward everywhere. `make trust` measures what they rest
on again, and `benchmarks/python_arithmetic.py` what the fence leaves to Python.
"""

from __future__ import annotations

VOID_SHARE = 0.25
"""The share of the time that a question's brute force takes, at the rate of products, which may be unexplained."""

FLOOR_SECONDS = 2.0
"""What may be unexplained of any question, in seconds, beside that and what a method that does nothing takes. Honest
methods that work in Python alone take up to 1.2 on 2,048 rows, on a machine with five processes a core."""

PYTHON_FLOPS_PER_SECOND = 9e8
"""What a second of Python makes at most inside the fence, as the rulebook counts it: the fastest way to make numbers of
others (`benchmarks/results/python_arithmetic.json`). Of products, which a model is made of, it makes 1.5e8."""

PRODUCT_FLOPS_PER_SECOND = 1e11
"""What products of matrices do a second on one core of the same machine."""

EMPTY_SECONDS = 0.25
"""What a method that does nothing takes on a question of 4,096 rows."""

LEAST_TIMES = 100
"""How many times what cannot be seen brute force must cost, at least."""


def unseen_flops(brute_flops: int) -> int:
    """Return the FLOPs that a method could compute on a question in Python without its recording being void.

    Args:
        brute_flops: FLOPs of brute force of the question.
    """
    seconds = VOID_SHARE * brute_flops / PRODUCT_FLOPS_PER_SECOND + FLOOR_SECONDS + 2 * EMPTY_SECONDS
    return round(PYTHON_FLOPS_PER_SECOND * seconds)


def is_policed(brute_flops: int) -> bool:
    """Return whether brute force costs at least `LEAST_TIMES` what cannot be seen."""
    return brute_flops >= LEAST_TIMES * unseen_flops(brute_flops)
