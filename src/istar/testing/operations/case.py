"""One way to call one operation, with the work it does by definition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import torch
from torch import Tensor

from istar.flops import Meter

Operands = Callable[..., tuple[Any, ...]]
"""Makes the operands of a call at one size."""
Row = tuple[str, Operands, Callable[..., Any], Callable[..., float]]
"""A call in a table: its name, its operands, itself, and its work."""
WIDTH = 24
"""Elements of a row."""

FLOATS = (torch.float64, torch.bfloat16, torch.complex64, torch.complex32)
INTEGERS = (torch.int64, torch.int32, torch.int8)
PER_ELEMENT = {
    torch.float64: 2,
    torch.complex64: 4,
    torch.complex32: 4,
    torch.complex128: 8,
    torch.int64: 8,
    torch.int32: 4,
    torch.int16: 2,
}
"""What arithmetic on one element of a type counts, in operations on float32; one for every other type."""


@dataclass(frozen=True)
class Case:
    """One call.

    Attributes:
        name: the operation, and after a colon the form of its arguments.
        names: what a method writes to call it, such as `torch.exp` or `Tensor.exp_`.
        operands: makes the operands at a size.
        call: the call on those operands.
        work: FLOPs by the operation's definition, from the operands; made without the rulebook's formulas.
        size: where the count is checked.
        within: how far the bill may be from the work, as a factor each way; 1 for exactly.
    """

    name: str
    names: tuple[str, ...]
    operands: Operands
    call: Callable[..., Any]
    work: Callable[..., float]
    size: int = 6
    within: float = 4.0

    @property
    def operation(self) -> str:
        """The name without the form."""
        return self.name.partition(":")[0]

    @property
    def form(self) -> str:
        """The form of the arguments; empty for the plain one: contiguous float32 in its simplest shape."""
        return self.name.partition(": ")[2]


def billed_and_counted(case: Case, meter: Meter, size: int | None = None) -> tuple[int, float]:
    """Return what a meter bills for a call, and its work by definition.

    Args:
        case: the call.
        meter: a meter that is not running; it adds up.
        size: of the operands; the case's own unless given.
    """
    torch.manual_seed(0)
    operands = case.operands(size or case.size)
    work = case.work(*operands)
    before = meter.flops
    with meter:
        case.call(*operands)
    return meter.flops - before, work


# -- operands ---------------------------------------------------------------------------------------------------------


def numbers(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return numbers between 0.2 and 0.8, where every function is defined."""
    return cast(torch.rand(shape) * 0.6 + 0.2, dtype)


def cast(values: Tensor, dtype: torch.dtype) -> Tensor:
    """Return numbers as another type, integers from 2 to 8 and truth values half true."""
    if dtype is torch.bool:
        return values > 0.5
    if not dtype.is_floating_point and not dtype.is_complex:
        return (values * 10).to(dtype)
    return values.to(dtype)


def indices(below: int, *shape: int) -> Tensor:
    """Return random indices."""
    return torch.randint(below, shape)


def well_conditioned(*shape: int) -> Tensor:
    """Return symmetric positive definite matrices."""
    factor = torch.rand(shape)
    return factor @ factor.mT + shape[-1] * torch.eye(shape[-1])


# -- shapes -----------------------------------------------------------------------------------------------------------


def tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    """Yield the tensors among values and among the lists in them."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors(value)


def together(*operands: Any) -> int:
    """Return the number of elements that the operands broadcast to."""
    return prod(torch.broadcast_shapes(*(each.shape for each in tensors(operands))))


def batches(*matrices: Tensor, inner: int = 2) -> int:
    """Return how many problems stacks of matrices broadcast to; the last `inner` axes are one problem."""
    return prod(torch.broadcast_shapes(*(each.shape[: each.dim() - inner] for each in matrices)))


def weight(*operands: Any) -> int:
    """Return what arithmetic on one element of the operands' widest type counts."""
    return max((PER_ELEMENT.get(each.dtype, 1) for each in tensors(operands)), default=1)


def moving(*operands: Any) -> int:
    """Return what moving or comparing one element of the operands' widest type counts: integers one.

    So do functions that make float32 of integers first, such as exp.
    """
    return weight(*(each for each in tensors(operands) if each.is_floating_point() or each.is_complex()))


def of_all(count: float) -> Callable[..., float]:
    """Return the work of `count` an element of the operands together."""
    return lambda *operands: count * sum(each.numel() for each in tensors(operands))


# -- forms ------------------------------------------------------------------------------------------------------------


def _mapped(case: Case, form: str, change: Callable[[Tensor], Tensor]) -> Case:
    """Return the case with its floating operands changed."""

    def changed(value: Any) -> Any:
        if isinstance(value, Tensor):
            return change(value) if value.is_floating_point() else value
        return type(value)(changed(each) for each in value) if isinstance(value, (list, tuple)) else value

    return replace(
        case, name=f"{case.name}: {form}", operands=lambda size: tuple(changed(each) for each in case.operands(size))
    )


def transposed(values: Tensor) -> Tensor:
    """Return the same values, in memory by columns."""
    return values.mT.contiguous().mT if values.dim() > 1 else values


def strided(values: Tensor) -> Tensor:
    """Return the same values, each second of a row in memory."""
    return values.repeat_interleave(2, -1)[..., ::2] if values.dim() else values


def expanded(values: Tensor) -> Tensor:
    """Return one row for all, without memory for the others."""
    return values[:1].expand(values.shape) if values.dim() > 1 else values


def layouts(case: Case) -> Iterator[Case]:
    """Yield a case in other layouts of memory."""
    for form, change in (("transposed", transposed), ("strided", strided), ("zero strides", expanded)):
        yield _mapped(case, form, change)


def types(case: Case, dtypes: Iterable[torch.dtype] = FLOATS) -> Iterator[Case]:
    """Yield a case with its numbers as other types."""
    for dtype in dtypes:
        yield _mapped(case, str(dtype).removeprefix("torch."), lambda values, dtype=dtype: cast(values, dtype))  # type: ignore[misc]


def backward(case: Case, times: float = 3.0) -> Case:
    """Return a case with the gradients of all its numbers.

    Args:
        case: the case forward.
        times: the work of both directions over that of the forward one; 3 where each factor of a product has a
            gradient that is a product.
    """

    def call(*operands: Any) -> Any:
        wanted = [each.requires_grad_() for each in tensors(operands) if each.is_floating_point()]
        results = [each for each in tensors([case.call(*operands)]) if each.requires_grad]
        return torch.autograd.grad(results, wanted, [torch.ones_like(each) for each in results], allow_unused=True)

    return replace(
        case, name=f"{case.name}: backward", call=call, work=lambda *operands: times * case.work(*operands), names=()
    )


def spelt(case: Case, name: str, function: Callable[..., Any], in_place: bool = False) -> Iterator[Case]:
    """Yield a function of `torch` as a method, in place and into a given tensor, as far as torch has them.

    Args:
        case: the function called plainly.
        name: the function's name.
        function: it.
        in_place: whether the result has the shape and type of the first operand.
    """
    if hasattr(Tensor, name):
        yield replace(
            case,
            name=f"{case.name}: method",
            names=(f"Tensor.{name}",),
            call=lambda first, *rest: getattr(first, name)(*rest),
        )
    if in_place and hasattr(Tensor, f"{name}_"):
        yield replace(
            case,
            name=f"{case.name}: in place",
            names=(f"Tensor.{name}_",),
            call=lambda first, *rest: getattr(first, f"{name}_")(*rest),
        )
    if "out=" in (function.__doc__ or "").partition("\n\n")[0]:

        def into(*operands: Any) -> Any:
            with torch.utils._python_dispatch._disable_current_modes():
                result = function(*operands)
            return function(*operands, out=result)

        yield replace(case, name=f"{case.name}: out=", names=(), call=into)


def accepted(cases: Iterable[Case]) -> Iterator[Case]:
    """Yield the cases that torch itself runs: not every operation takes every type or layout."""
    for case in cases:
        try:
            torch.manual_seed(0)
            case.call(*case.operands(case.size))
        except (RuntimeError, TypeError, NotImplementedError, ValueError, IndexError, AttributeError):
            continue
        yield case


def forms(case: Case, dtypes: Iterable[torch.dtype] = FLOATS, times: float = 3.0) -> Iterator[Case]:
    """Yield a case, then in other layouts and types, and with its gradients."""
    yield case
    yield from layouts(case)
    yield from types(case, dtypes)
    yield backward(case, times)
