"""Sums, scans, norms and soft maxima: what one element that goes in costs, in every form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from istar.testing.operations.case import (
    FLOATS,
    INTEGERS,
    Case,
    accepted,
    forms,
    moving,
    numbers,
    spelt,
    weight,
)

ALL = (*FLOATS, *INTEGERS, torch.bool)

REDUCED: dict[float, str] = {
    1: "sum nansum mean prod",
    # a comparison, two sums
    4: "nanmean",
    # mean, difference, square, sum
    3: "var std var_mean std_mean",
    # largest, difference, exponential, sum
    19: "logsumexp",
}
"""Functions of `torch` that reduce axes `dim`, by steps of an element."""

AS_FLOATS = frozenset(("logsumexp",))
COMPARED = "amax amin max min argmax argmin any all count_nonzero cummax cummin aminmax"
SCANNED: dict[float, str] = {1: "cumsum cumprod", 34: "logcumsumexp"}


def of_inputs(each: float, weighed: bool = True) -> Callable[..., float]:
    """Return the work of `each` an element of the first operand, times what its type counts."""
    return lambda first, *_: each * first.numel() * (weight if weighed else moving)(first)


def _matrix(size: int) -> tuple[Any, ...]:
    return (numbers(4 * size, 4 * size),)


def reduction(
    name: str, function: Callable[..., Any], each: float, weighed: bool = True, home: str = "torch"
) -> Iterator[Case]:
    """Yield a function that reduces axes, over all, over one and over some of them."""
    path = f"{home}.{name}"
    calls: dict[str, Callable[..., Any]] = {
        "": function,
        "first axis": lambda first: function(first, 0),
        "last axis": lambda first: function(first, -1),
        "dim=": lambda first: function(first, dim=1, keepdim=True),
        "two axes": lambda first: function(first, dim=(0, 1)),
    }
    for form, call in calls.items():
        case = Case(f"{path}: {form}" if form else path, (path,), _matrix, call, of_inputs(each, weighed))
        # a product's gradient multiplies all the others, by products from both ends
        yield from forms(case, ALL, times=5.0 if name in ("prod", "aminmax") else 2.0)
        if form in ("", "first axis") and home == "torch":
            for spelling in spelt(case, name, function):
                if form != "first axis":
                    yield spelling
    yield Case(
        f"{path}: a batch",
        (f"Tensor.{name}",) if home == "torch" else (path,),
        lambda size: (numbers(2, 3, size, 4 * size), -1),
        (lambda first, axis: getattr(first, name)(axis)) if hasattr(Tensor, name) else function,
        of_inputs(each, weighed),
    )


def _norms() -> Iterator[Case]:
    for order, each in ((None, 2), (1, 2), (2, 2), (float("inf"), 2), (0, 2), (3, 17), (0.5, 17)):
        calls: dict[str, Callable[..., Any]] = {
            "torch.linalg.vector_norm": lambda x, order=order: torch.linalg.vector_norm(
                x, 2 if order is None else order
            ),
            "torch.linalg.norm": lambda x, order=order: torch.linalg.norm(x, order, -1),
            "torch.norm": lambda x, order=order: torch.norm(x, "fro" if order is None else order),
            "torch.norm: dim=": lambda x, order=order: torch.norm(
                x, 2 if order is None else order, dim=1, keepdim=True
            ),
            "Tensor.norm": lambda x, order=order: x.norm(2 if order is None else order, -1),
            "torch.nn.functional.normalize": lambda x, order=order: F.normalize(x, 2 if order is None else order),
        }
        for name, call in calls.items():
            path = name.partition(":")[0]
            case = Case(
                f"{name}: order {order}" if ":" not in name else f"{name}, order {order}",
                (path,),
                _matrix,
                call,
                of_inputs(each),
            )
            yield from forms(case, times=3.0)
    for name in ("dist", "pairwise_distance", "cosine_similarity"):
        function = getattr(torch, name) if hasattr(torch, name) else getattr(F, name)
        for power in (None, 3.0) if name != "cosine_similarity" else (None,):
            each = {"dist": 3, "pairwise_distance": 3, "cosine_similarity": 6}[name] if power is None else 18
            for form, shapes in {
                "": (lambda n: (n, 24), lambda n: (n, 24)),
                "row": (lambda n: (n, 24), lambda n: (24,)),
                "row first": (lambda n: (24,), lambda n: (n, 24)),
                "column by row": (lambda n: (n, 1, 24), lambda n: (1, n, 24)),
                "one element": (lambda n: (1,), lambda n: (n, 24)),
            }.items():
                case = Case(
                    f"torch.{name}: {form or 'same'}" + ("" if power is None else f", p = {power}"),
                    (f"torch.{name}", f"torch.nn.functional.{name}", *(["Tensor.dist"] if name == "dist" else [])),
                    lambda n, shapes=shapes: tuple(numbers(*shape(n)) for shape in shapes),
                    lambda a, b, function=function, power=power: (
                        function(a, b) if power is None else function(a, b, power)
                    ),
                    lambda a, b, each=each: each * torch.broadcast_tensors(a, b)[0].numel() * weight(a, b),
                )
                yield from forms(case, times=4.0)


def _softmax() -> Iterator[Case]:
    calls: dict[str, tuple[Callable[..., Any], float]] = {
        "torch.softmax": (lambda x: torch.softmax(x, -1), 20),
        "torch.log_softmax": (lambda x: torch.log_softmax(x, 0), 20),
        "torch.softmax: dtype=": (lambda x: torch.softmax(x, dim=-1, dtype=torch.float32), 20),
        "torch.special.softmax": (lambda x: torch.special.softmax(x, -1), 20),
        "torch.special.log_softmax": (lambda x: torch.special.log_softmax(x, -1), 20),
        "torch.special.logsumexp": (lambda x: torch.special.logsumexp(x, -1), 20),
        "torch.nn.functional.softmax": (lambda x: F.softmax(x, -1), 20),
        "torch.nn.functional.log_softmax": (lambda x: F.log_softmax(x, -1), 20),
        "torch.nn.functional.softmin": (lambda x: F.softmin(x, -1), 21),
        "Tensor.softmax": (lambda x: x.softmax(-1), 20),
        "Tensor.log_softmax": (lambda x: x.log_softmax(-1), 20),
    }
    for name, (call, each) in calls.items():
        yield from forms(Case(name, (name.partition(":")[0],), _matrix, call, of_inputs(each)), times=1.5)


def _further() -> Iterator[Case]:
    for each, names in SCANNED.items():
        for name in names.split():
            function = getattr(torch, name)
            case = Case(f"torch.{name}", (f"torch.{name}",), _matrix, lambda x, f=function: f(x, 0), of_inputs(each))
            yield from forms(case, ALL, times=7.0 if name == "cumprod" else 3.0)
            yield Case(
                f"torch.{name}: last axis",
                (f"Tensor.{name}",),
                _matrix,
                lambda x, name=name: getattr(x, name)(-1),
                of_inputs(each),
            )
            yield Case(
                f"torch.{name}: in place",
                (f"Tensor.{name}_",),
                _matrix,
                lambda x, name=name: getattr(x, f"{name}_")(-1),
                of_inputs(each),
            )
    for name in ("cummax", "cummin"):
        function = getattr(torch, name)
        case = Case(f"torch.{name}", (f"torch.{name}",), _matrix, lambda x, f=function: f(x, 0), of_inputs(1, False))
        yield from forms(case, ALL, times=4.0)
        yield Case(
            f"Tensor.{name}", (f"Tensor.{name}",), _matrix, lambda x, name=name: getattr(x, name)(-1), of_inputs(1)
        )
    for name, call in {
        "torch.trace": torch.trace,
        "Tensor.trace": lambda x: x.trace(),
    }.items():
        yield Case(name, (name,), lambda n: (numbers(n, n),), call, lambda x: x.shape[0])
    for name, call in {
        "torch.diff": torch.diff,
        "Tensor.diff": lambda x: x.diff(),
    }.items():
        yield Case(name, (name,), _matrix, call, of_inputs(1))
    yield Case(
        "torch.trace: a large matrix",
        (),
        lambda n: (numbers(40 * n, 40 * n),),
        torch.trace,
        lambda x: x.shape[0],
    )
    of_two: dict[str, Callable[..., Any]] = {
        "torch.max: of two": torch.max,
        "torch.min: of two": torch.min,
        "Tensor.max: of two": lambda a, b: a.max(b),
        "Tensor.min: of two": lambda a, b: a.min(b),
    }
    for name, call in of_two.items():
        yield Case(
            name,
            (name.partition(":")[0],),
            lambda n: (numbers(1), numbers(n, 24)),
            call,
            lambda a, b: b.numel(),
        )
    for path in ("torch.equal", "torch.allclose"):
        compare: Any = getattr(torch, path.partition(".")[2])
        each = 1 if path == "torch.equal" else 7
        for form, made in {
            "": lambda n: (numbers(n, 24),) * 2,
            "zero strides": lambda n: (numbers(1).expand(n, 24),) * 2,
        }.items():
            yield Case(
                f"{path}: {form or 'same'}",
                (path, path.replace("torch", "Tensor")),
                made,
                lambda a, b, compare=compare: compare(a, b.clone()),
                lambda a, b, each=each: (each + 1) * a.numel(),
            )
    for path, call in {
        "torch.cross": lambda a, b: torch.cross(a, b, dim=-1),
        "torch.linalg.cross": torch.linalg.cross,
    }.items():
        for form, shapes in {"": ((), ()), "row": ((), None), "batches of both": ((1,), (3,))}.items():
            yield Case(
                f"{path}: {form}" if form else path,
                (path, "Tensor.cross"),
                lambda n, shapes=shapes: (
                    numbers(n, *shapes[0], 3),
                    numbers(1, 3) if shapes[1] is None else numbers(n, *shapes[1], 3),
                ),
                call,
                lambda a, b: 3 * torch.broadcast_tensors(a, b)[0].numel(),
            )


def cases() -> Iterator[Case]:
    """Yield all reductions, scans, norms and soft maxima in all forms."""
    for each, names in REDUCED.items():
        for name in names.split():
            yield from accepted(reduction(name, getattr(torch, name), each, weighed=name not in AS_FLOATS))
    for name in COMPARED.split():
        if not name.startswith("cum"):
            yield from accepted(reduction(name, getattr(torch, name), 1, weighed=False))
    for kind in (_norms, _softmax, _further):
        yield from accepted(kind())
