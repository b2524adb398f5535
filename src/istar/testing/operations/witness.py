"""How long each operation takes for what it is billed, on this machine: the second opinion on its price.

What counts is the time that more work adds over the FLOPs that it adds to the bill, so that the cost of a call drops
out: a call on small operands is taken from one on operands that take a fifth of a millisecond and more.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import thread_time_ns

import torch

from istar.flops import RULEBOOK, Meter, Rulebook
from istar.testing.operations.case import Case, tensors

ENOUGH_NANOSECONDS = 200_000
STEPS = 14
"""How often the size is doubled before a case counts as too cheap to be timed."""
REPETITIONS = 4
MOST_ELEMENTS = 2**24
"""How many numbers may go in and come out before a case counts as too cheap to be timed."""


@dataclass(frozen=True)
class Timed:
    """What more of one operation costs.

    Attributes:
        case: the call.
        size: of the larger operands.
        nanoseconds: of processor time that the larger call takes above the small one.
        flops: that it is billed above the small one.
        elements: that go in and come out of it, above the small one.
        by_op: FLOPs of the larger call, by operation.
    """

    case: Case
    size: int
    nanoseconds: float
    flops: int
    elements: int
    by_op: dict[str, int]


def _least(case: Case, size: int, times: int) -> tuple[int, int]:
    """Return the least processor time of some calls without a meter, and how many elements go in and come out."""
    operands, best, elements = case.operands(size), 0, 0
    for number in range(times):
        written = [each._version for each in tensors(operands)]
        start = thread_time_ns()
        result = case.call(*operands)
        taken = thread_time_ns() - start
        best = min(taken, best) if number else taken
        elements = sum(each.numel() for each in tensors((*operands, result)))
        if number + 1 < times and [each._version for each in tensors(operands)] != written:
            operands = case.operands(size)  # what is written in place again and again ends in other numbers
    return best, elements


def _billed(case: Case, size: int, rulebook: Rulebook) -> tuple[int, dict[str, int]]:
    meter, operands = Meter(rulebook, strict=True), case.operands(size)
    with meter:
        case.call(*operands)
    return meter.flops, dict(meter.by_op)


def timed(case: Case, rulebook: Rulebook = RULEBOOK) -> Timed | None:
    """Return what more of an operation costs, or None if operands do not grow enough to tell.

    Args:
        case: the call.
        rulebook: whose bill it is held against.
    """
    torch.manual_seed(0)
    size = case.size
    small, few = _least(case, size, REPETITIONS)
    for _ in range(STEPS):
        size *= 2
        taken, many = _least(case, size, 1)
        if many > MOST_ELEMENTS:
            return None
        if taken > small + ENOUGH_NANOSECONDS:
            taken, many = _least(case, size, REPETITIONS)
            if taken > small + ENOUGH_NANOSECONDS:
                flops, by_op = _billed(case, size, rulebook)
                return Timed(
                    case, size, taken - small, flops - _billed(case, case.size, rulebook)[0], many - few, by_op
                )
    return None


def copying_nanoseconds() -> float:
    """Return the processor time of each element that is copied to memory that was not touched before."""
    source = torch.ones(2**20)
    best, kept = [], [source.clone()]
    for _ in range(REPETITIONS):
        start = thread_time_ns()
        kept.append(source.clone())
        best.append(thread_time_ns() - start)
    return min(best) / source.numel()
