"""Orders and searches: n log2 n comparisons to sort, as many as halve a table to one to search it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import log2
from typing import Any

import torch
from torch import Tensor

from istar.testing.operations.case import Case, accepted, forms, moving, numbers
from istar.testing.operations.reductions import ALL, of_inputs


def ordering(axis: int | None = -1) -> Callable[..., float]:
    """Return the work of comparison sorts: n log2 n along an axis, and at least four an element."""

    def work(first: Tensor, *_: Any) -> float:
        extent = first.numel() if axis is None else first.shape[axis]
        return first.numel() * max(4.0, log2(max(1, extent))) * moving(first)

    return work


def _long(size: int) -> tuple[Any, ...]:
    return (numbers(3, 200 * size),)


def _orders() -> Iterator[Case]:
    options: dict[str, dict[str, Callable[[Tensor], Any]]] = {
        "sort": {
            "": torch.sort,
            "first axis": lambda x: torch.sort(x, 0),
            "descending": lambda x: torch.sort(x, -1, descending=True),
            "stable": lambda x: torch.sort(x, dim=-1, stable=True),
        },
        "argsort": {"": torch.argsort, "stable": lambda x: torch.argsort(x, stable=True, descending=True)},
        "msort": {"": lambda x: torch.msort(x.mT)},
        "topk": {
            "": lambda x: torch.topk(x, 3),
            "smallest": lambda x: torch.topk(x, 3, largest=False, sorted=False),
            "half": lambda x: torch.topk(x, x.shape[-1] // 2),
        },
        "kthvalue": {"": lambda x: torch.kthvalue(x, 3), "dim=": lambda x: torch.kthvalue(x, 3, dim=-1, keepdim=True)},
        "median": {"": lambda x: torch.median(x, -1)},
        "nanmedian": {"": lambda x: torch.nanmedian(x, -1)},
        "mode": {"": lambda x: torch.mode(x, -1)},
        "unique_consecutive": {"": torch.unique_consecutive},
    }
    for name, calls in options.items():
        for form, call in calls.items():
            axis = 0 if form == "first axis" else -1
            case = Case(
                f"torch.{name}: {form}" if form else f"torch.{name}",
                (f"torch.{name}",),
                _long,
                call,
                of_inputs(4, False) if name.startswith("unique") else ordering(axis),
            )
            yield from forms(case, ALL, times=1.5)
    whole: dict[str, Callable[[Tensor], Any]] = {
        "torch.median: all": torch.median,
        "torch.nanmedian: all": torch.nanmedian,
        "torch.unique: sorted": torch.unique,
        "torch.unique: inverse and counts": lambda x: torch.unique(x, return_inverse=True, return_counts=True),
        "torch.unique: unsorted": lambda x: torch.unique(x, sorted=False),
        "torch.quantile: all": lambda x: torch.quantile(x, 0.3),
        "torch.nanquantile: all": lambda x: torch.nanquantile(x, 0.3),
        "Tensor.unique: method": lambda x: x.unique(),
        "Tensor.median: method": lambda x: x.median(),
        "Tensor.quantile: method": lambda x: x.quantile(0.3),
    }
    for name, call in whole.items():
        yield from forms(Case(name, (name.partition(":")[0],), _long, call, ordering(None)), ALL, times=1.5)
    methods: dict[str, Callable[[Tensor], Any]] = {
        "sort": lambda x: x.sort(-1),
        "argsort": lambda x: x.argsort(-1),
        "msort": lambda x: x.mT.msort(),
        "topk": lambda x: x.topk(3),
        "kthvalue": lambda x: x.kthvalue(3),
        "mode": lambda x: x.mode(-1),
        "nanmedian": lambda x: x.nanmedian(-1),
        "nanquantile": lambda x: x.nanquantile(0.3, -1),
    }
    for name, call in methods.items():
        yield Case(f"Tensor.{name}", (f"Tensor.{name}",), _long, call, ordering())
    yield Case(
        "torch.unique: rows",
        ("torch.unique",),
        lambda size: (numbers(40 * size, 5).round(decimals=1),),
        lambda x: torch.unique(x, dim=0),
        ordering(0),
    )
    yield Case(
        "torch.quantile: several",
        ("torch.quantile",),
        lambda size: (*_long(size), torch.tensor([0.2, 0.4, 0.9])),
        lambda x, q: torch.quantile(x, q, dim=1, keepdim=True, interpolation="lower"),
        ordering(),
    )
    yield Case(
        "torch.unique_consecutive: rows",
        ("torch.unique_consecutive", "Tensor.unique_consecutive"),
        lambda size: (numbers(40 * size, 5).round(decimals=1),),
        lambda x: x.unique_consecutive(dim=0),
        of_inputs(4),
    )


def _searches() -> Iterator[Case]:
    def work(ordered: Tensor, values: Any) -> float:
        return max(1.0, log2(ordered.shape[-1])) * (values.numel() if isinstance(values, Tensor) else 1)

    def table(*shape: int) -> Tensor:
        return torch.sort(numbers(*shape)).values

    calls: dict[str, tuple[Callable[[int], tuple[Any, ...]], Callable[..., Any]]] = {
        "torch.searchsorted": (lambda n: (table(30 * n), numbers(n, 24)), torch.searchsorted),
        "torch.searchsorted: a short table": (lambda n: (table(2), numbers(n, 24)), torch.searchsorted),
        "torch.searchsorted: a table a row": (lambda n: (table(n, 100), numbers(n, 24)), torch.searchsorted),
        "torch.searchsorted: right": (
            lambda n: (table(30 * n), numbers(n, 24)),
            lambda a, b: torch.searchsorted(a, b, right=True, out_int32=True),
        ),
        "torch.searchsorted: a number": (lambda n: (table(30 * n), 0.5), torch.searchsorted),
        "torch.bucketize": (lambda n: (table(30 * n), numbers(n, 24)), lambda a, b: torch.bucketize(b, a)),
        "torch.bucketize: zero strides": (
            lambda n: (table(30 * n), numbers(1).expand(n, 500)),
            lambda a, b: torch.bucketize(b, a),
        ),
    }
    for name, (operands, call) in calls.items():
        yield Case(name, (name.partition(":")[0],), operands, call, work)
    yield Case(
        "torch.histc",
        ("torch.histc", "Tensor.histc"),
        lambda n: (numbers(n, 24),),
        lambda x: torch.histc(x, 10, 0.0, 1.0),
        of_inputs(4),
    )
    for name, made in {
        "": lambda n: (torch.randint(9, (50 * n,)), None),
        "weights": lambda n: (torch.randint(9, (50 * n,)), numbers(50 * n)),
        "zero strides": lambda n: (torch.tensor([3]).expand(50 * n), None),
    }.items():
        yield Case(
            f"torch.bincount: {name}" if name else "torch.bincount",
            ("torch.bincount", "Tensor.bincount"),
            made,
            lambda values, weights: torch.bincount(values, weights),
            of_inputs(4, False),
        )
    yield Case(
        "torch.bincount: many bins",
        (),
        lambda n: (torch.tensor([3, 1000 * n]),),
        torch.bincount,
        lambda values: int(values.max()) + 1,
    )


def cases() -> Iterator[Case]:
    """Yield all orders and searches in all forms."""
    for kind in (_orders, _searches):
        yield from accepted(kind())
