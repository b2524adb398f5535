"""What counts and times say of the prices, in figures and in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from statistics import median
from typing import Any

import torch

from istar.flops import RULEBOOKS, Meter, UnknownOperationError
from istar.flops.kinds import Kind, kind_of
from istar.flops.witness import KindRate
from istar.sandbox.calibration import kind_rates, product_rate
from istar.testing.operations.case import Case, billed_and_counted
from istar.testing.operations.cases import cases as all_cases
from istar.testing.operations.witness import Timed, copying_nanoseconds, timed

MOST_TIMES = 4.0
"""How many times its kind's time, or that of its plain form, an operation may take for what it is billed."""
CALIBRATIONS = 5
"""So often rates are calibrated."""
FORMS = 12
"""A kind's rate is taken from the forms timed, if there are so many."""
TIMED_AGAIN = 3
"""So often an operation that took longer is timed again, and the least time counts: other work only adds to it."""
SLOW: dict[str, str] = {
    "aten.split_copy*": "a call for each slice",
    "aten.unbind_copy*": "a call for each slice",
    "torch.unique_consecutive: rows*": "a call for each row",
    "torch.multinomial*": "a logarithm for each random number, and a search",
    "Tensor.multinomial*": "a logarithm for each random number, and a search",
    "Tensor.exponential_*": "a logarithm for each random number",
    "torch.einsum: vector by vector: int64": "integers, which torch multiplies one after another",
    "torch.special.logit: int64": "numbers outside its domain",
    "torch.special.log_ndtr*": "several transcendental functions for a number",
    "torch.nn.functional.mish*": "three transcendental functions for a number",
    "torch.atan2: one *": "operands of different strides, one number after another",
    "torch.cdist: p = *: backward": "two powers for a difference",
    "*.take: backward": "sums up in one place, one number after another",
    "*.masked_s*: backward": "what was chosen, one number after another",
    "*cumsum*": "a scan: each number waits for the one before",
    "*cumprod*": "a scan: each number waits for the one before",
    "*cummax*": "a scan: each number waits for the one before",
    "*cummin*": "a scan: each number waits for the one before",
    "*.var*": "a running mean: a division for each number, which waits for the one before",
    "*.std*": "a running mean: a division for each number, which waits for the one before",
    "torch.arg*: int64": "integers, which torch compares one after another with their places",
    "torch.histc*": "a bin is looked up for each number, one after another",
    "aten._unique": "keys that are looked up, one after another",
    "aten.isin: many": "sorts both, with the places they came from",
    "torch.linalg.solve_triangular: left=False*3 sides*": "a whole matrix is read for few vectors",
    "*1 sides": "a whole matrix is read for one vector",
    "Tensor.tolist*": "Python's own objects, one after another",
}
"""Patterns of forms that take longer for a reason that is no hidden work."""
MODIFIERS = frozenset(("zero strides", "int64", "in place", "backward"))
"""Parts of a form that choose other code for the same work: each is compared with the plain form under the same."""
NOT_TIMED = frozenset(
    (
        "transposed",
        "strided",
        "float64",
        "bfloat16",
        "complex64",
        "complex32",
        "int32",
        "int8",
        "uint8",
        "bool",
        "method",
        "out=",
    )
)
"""Parts of a form that the count alone holds: the work is the same, in other places and types."""


def counted(cases: Iterable[Case]) -> dict[str, Any]:
    """Return how many cases were counted, how far the bills are from the counts, and which are too far."""
    ratios, faults = [], []
    for case in cases:
        try:
            billed, work = billed_and_counted(case, Meter(strict=True))
        except UnknownOperationError as error:
            faults.append(f"{case.name} is refused: {error}")
            continue
        ratios.append(1.0 if billed == work else billed / max(work, 1e-9))
        if not 1 / case.within <= ratios[-1] <= case.within:
            faults.append(f"{case.name} is billed {billed} for {work:.0f}")
    exact = sum(abs(ratio - 1) < 1e-9 for ratio in ratios)
    within = sum(0.5 <= ratio <= 2 for ratio in ratios)
    return {
        "cases": len(ratios),
        "exact": exact,
        "within_2": within,
        "least": min(ratios, default=None),
        "most": max(ratios, default=None),
        "faults": faults,
    }


MISPRICED = (
    ("solvers", "torch.linalg.lu_solve: 40 sides", "torch.linalg.lu_solve: 1 sides"),
    ("products", "torch.cdist: p = 2.0, pairs: batches of both", "torch.cdist: p = 2.0, pairs"),
    ("moving", "torch.masked_select: of one element", "torch.masked_select"),
)
"""Kinds of cases with forms that rulebook v1 bills too low, and forms that it bills as it should."""


def missed() -> list[str]:
    """Return which of the forms that an earlier rulebook is wrong about the times do not tell."""
    said = []
    by_name = {case.name: case for case in all_cases(*dict.fromkeys(kind for kind, *_ in MISPRICED))}
    for _, wrong, right in MISPRICED:
        reference, each = (timed(by_name[name], RULEBOOKS["v1"]) for name in (right, wrong))
        if reference is None or each is None or _times(each, reference) <= MOST_TIMES:
            said.append(f"no time tells that rulebook v1 bills {wrong} too low")
    return said


def _times(each: Timed, reference: Timed, memory: float = 0.0) -> float:
    """Return how many times what a reference takes for a bill another case takes for its own."""
    explained = reference.nanoseconds * max(0, each.flops) / max(1, reference.flops) + memory
    return each.nanoseconds / max(1.0, explained)


def _slowest(calibrations: Iterable[Mapping[str, KindRate]]) -> dict[str, KindRate]:
    """Return of each kind the slowest rate: what a quiet processor does for a moment, it does not do all the time."""
    found: dict[str, KindRate] = {}
    for each in calibrations:
        for kind, rate in each.items():
            if kind not in found or rate.flop_seconds > found[kind].flop_seconds:
                found[kind] = rate
    return found


def _usual(found: Iterable[Timed], rates: Mapping[str, KindRate]) -> dict[str, float]:
    """Return the seconds of a FLOP of each kind: as calibrated, or the median over the forms timed if that is more.

    A calibration times one operation of a kind, and where its memory comes to lie makes it twice as fast in one process
    as in another, all the time; a median over many forms does not depend on that, nor on a few that are billed too low.
    """
    taken: dict[str, list[float]] = {}
    for each in found:
        if each.by_op and each.flops > 0:
            taken.setdefault(_kind(each), []).append(each.nanoseconds / 1e9 / each.flops)
    return {
        kind: max(rate.flop_seconds, median(taken[kind]) if len(taken.get(kind, ())) >= FORMS else 0.0)
        for kind, rate in rates.items()
    }


def _kind(each: Timed) -> Kind:
    """Return the kind of most of a case's FLOPs."""
    return kind_of(max(each.by_op, key=each.by_op.__getitem__)) if each.by_op else "free"


def _explained(each: Timed, reference: Timed, rates: Mapping[str, float], copying: float) -> float:
    """Return how many times what its bill explains a case takes: at its kind's rate, or at that of its plain form."""
    memory = copying * max(0, each.elements)
    by_kind = sum(flops * rates[kind_of(name)] * 1e9 for name, flops in each.by_op.items())
    times = each.nanoseconds / max(1.0, by_kind + memory)
    return times if reference is each else min(times, _times(each, reference, memory))


def _reference(case: Case) -> tuple[str, ...]:
    parts = case.name.split(": ")
    return (parts[0], *(part for part in parts[1:] if part in MODIFIERS))


def witnessed(cases: Iterable[Case]) -> dict[str, Any]:
    """Return what operations take for what they are billed, by kind, and by form; those in `SLOW` by pattern."""
    with torch.no_grad():
        calibrated = _slowest(kind_rates() for _ in range(CALIBRATIONS))
        product, copying = product_rate(), copying_nanoseconds()
    found = [each for case in cases if not NOT_TIMED & set(case.name.split(": ")) if (each := timed(case)) is not None]
    rates = _usual(found, calibrated)
    plain: dict[tuple[str, ...], Timed] = {}
    least: dict[str, float] = {}
    listed: dict[str, float] = {}
    kinds: dict[Kind, list[tuple[float, float]]] = {}
    for each in found:
        kind = _kind(each)
        reference = plain.setdefault(_reference(each.case), each)
        times = _explained(each, reference, rates, copying)
        for _ in range(TIMED_AGAIN):
            if times <= MOST_TIMES or (again := timed(each.case)) is None:
                break
            times = min(times, _explained(again, again if reference is each else reference, rates, copying))
        kinds.setdefault(kind, []).append((each.nanoseconds * product / 1e9 / max(1, each.flops), times))
        if pattern := next((pattern for pattern in SLOW if fnmatchcase(each.case.name, pattern)), None):
            listed[pattern] = max(times, listed.get(pattern, 0.0))
        else:
            least[each.case.name] = times
    return {
        "timed": len(found),
        "product_flops_per_second": product,
        "kinds": {
            kind: {
                "cases": len(each),
                "of_product": median(of_product for of_product, _ in each),
                "most": max(times for _, times in each),
            }
            for kind, each in sorted(kinds.items())
        },
        "listed": {pattern: {"reason": SLOW[pattern], "most": most} for pattern, most in sorted(listed.items())},
        "times": least,
        "faults": missed(),
    }


def least_times(sweeps: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return how many times what its bill explains each form takes, the least that any of some sweeps found.

    The ratio of two forms of a kind differs from one minute to the next with what else the machine does; what does more
    than it is billed for takes longer in every sweep.
    """
    least: dict[str, float] = {}
    for sweep in sweeps:
        for name, times in sweep.items():
            least[name] = min(times, least.get(name, times))
    return least


def too_slow(times: Mapping[str, float]) -> list[str]:
    """Return which forms take longer than they may."""
    return [
        f"{name} takes {each:.1f} times what its bill explains" for name, each in times.items() if each > MOST_TIMES
    ]
