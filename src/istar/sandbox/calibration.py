"""What honest work costs on this machine and this target: measured by a worker before it knows of any method."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import TYPE_CHECKING

import torch

from istar.flops.timed import TimedMeter
from istar.flops.witness import Clocked, KindRate, Rates

if TYPE_CHECKING:
    from istar.targets.target import Target

FORWARD_SECONDS = 0.1
FORWARD_TOKENS = 16
"""A short forward: about half the rate of a long one, eight times that of single tokens (measured on 135M weights)."""

REPEATS = 3
SIDE = 384
"""Rows and columns of the products whose rate is taken: 1e8 FLOPs, a few milliseconds, as fast as products get."""


def calibrate(target: Target) -> Rates:
    """Return what FLOPs and operations cost here, on one thread.

    It also makes torch choose its kernels and the meter learn its operations once here instead of in every fork.

    Args:
        target: the model, as it is.
    """
    forward_flops_per_second, between_seconds = _forwards(target)
    with torch.no_grad():
        return Rates(
            forward_flops_per_second=forward_flops_per_second,
            product_flops_per_second=product_rate(),
            between_seconds=between_seconds,
            kinds=kind_rates(),
        )


def _forwards(target: Target) -> tuple[float, float]:
    """Return the rate of short forwards, and the seconds of processor time between two operations of one."""
    tokens = torch.full((1, FORWARD_TOKENS), target.bos)
    meter = TimedMeter()
    with torch.no_grad():
        target.forward(tokens)
        started = time.thread_time()
        while time.thread_time() - started < FORWARD_SECONDS:
            with meter:
                target.unembed(target.forward(tokens))
    seconds = time.thread_time() - started
    clocked = Clocked(meter.kinds, seconds)
    calls = sum(use.calls for use in meter.kinds.values())
    return meter.flops / seconds, max(0.0, seconds - sum(clocked.inside.values())) / calls


def kind_rates() -> dict[str, KindRate]:
    """Return what operations of each kind take here."""
    return {kind: _kind_rate(*works) for kind, works in _works().items()}


def product_rate() -> float:
    """Return the FLOPs that products of matrices do a second, at their fastest."""
    left, right = torch.ones(SIDE, SIDE), torch.ones(SIDE, SIDE)
    left @ right
    seconds = []
    for _ in range(REPEATS):
        started = time.thread_time()
        left @ right
        seconds.append(time.thread_time() - started)
    return float(2 * SIDE**3 / min(seconds))


def _kind_rate(large: Callable[[], object], small: Callable[[], object]) -> KindRate:
    """Return what a FLOP, and an operation of next to no FLOPs, of one kind takes.

    Args:
        large: an operation on more than the caches hold, whose result is memory that was never touched: the dearest
            FLOPs that honest work asks for.
        small: one on a few numbers.
    """
    flops, seconds = _seconds(large)
    return KindRate(flop_seconds=seconds / flops if flops else 0.0, call_seconds=_seconds(small)[1])


def _seconds(work: Callable[[], object]) -> tuple[int, float]:
    """Return what an operation is billed, and the median of what it takes by the clock of this thread's work."""
    taken, flops = [], 0
    kept = [work()]
    for _ in range(REPEATS):
        meter = TimedMeter()
        with meter:
            kept.append(work())  # or the next result would take the memory of this one
        taken.append(sum(use.nanoseconds for use in meter.kinds.values()) / 1e9)
        flops = meter.flops
    return flops, median(taken)


def _works() -> Mapping[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Return a large and a small operation of each kind; see `_kind_rate`."""
    wide, long, few = torch.ones(2**11, 2**11), torch.ones(2**20), torch.ones(2)
    quarter, places = torch.ones(2**18), torch.arange(2**18).flip(0)
    square, small = torch.eye(96) * 2 + 1, torch.eye(2)
    return {
        "product": (lambda: torch.mv(wide, wide[0]), lambda: torch.mm(small, small)),
        "factorisation": (lambda: torch.linalg.solve(square, square), lambda: torch.linalg.solve(small, small)),
        "elementwise": (lambda: long + long, lambda: few + few),
        "transcendental": (quarter.exp, few.exp),
        "reduction": (lambda: wide.sum(0), few.sum),
        "moving": (lambda: quarter.gather(0, places), few.clone),
        "sorting": (lambda: torch.sort(quarter), lambda: torch.sort(few)),
        "random": (lambda: torch.rand_like(quarter), lambda: torch.rand_like(few)),
        "free": (lambda: few.view(1, 2), lambda: few.view(1, 2)),
    }
