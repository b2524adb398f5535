"""How many elements an operation works on, read off its arguments before it runs.

The rulebook prices most operations per element. A basis names which elements: those of the output for pointwise
operations, those of the input for reductions, those of the index for gathers. All are known from the arguments
alone, which is what lets the meter deduct a price before the operation runs.
"""

# Every basis has the same signature, whether or not it needs all of it.
# ruff: noqa: ARG001, ARG005

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

Pricer = Callable[[tuple[Any, ...], dict[str, Any]], int]
"""Maps an operation's positional and keyword arguments to its price in FLOPs."""

DTYPE_WEIGHT = {torch.float64: 2, torch.complex64: 4, torch.complex128: 8}
"""How many times over an element of this type counts; a complex product takes four real ones."""
EACH_WEIGHT = {**DTYPE_WEIGHT, torch.complex32: 4}
"""The same since rulebook v2."""


def bits_of(dtype: torch.dtype) -> int:
    """Return how many bits of an element of this type an operation works on."""
    return 1 if dtype is torch.bool else 8 * dtype.itemsize


def is_integer(dtype: torch.dtype) -> bool:
    """Return whether elements of this type are whole numbers or truth values."""
    return not (dtype.is_floating_point or dtype.is_complex)


def tensors_in(values: Iterable[Any]) -> list[Tensor]:
    """Return the tensors among values and among the lists in them, in order."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found.extend(each for each in value if isinstance(each, Tensor))
    return found


def type_weight(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """Return how many times over the elements count: the largest weight of any operand or requested type."""
    weight = max((DTYPE_WEIGHT.get(each.dtype, 1) for each in tensors_in(args)), default=1)
    dtype = kwargs.get("dtype")
    return weight if dtype is None else max(weight, DTYPE_WEIGHT.get(dtype, 1))


def broadcast_elements(shapes: Iterable[Iterable[int]]) -> int:
    """Return the number of elements of the shape that these shapes broadcast to."""
    reversed_shapes = [tuple(shape)[::-1] for shape in shapes]
    longest = max(reversed_shapes, key=len, default=())
    elements = 1
    for axis in range(len(longest)):
        sizes = [shape[axis] for shape in reversed_shapes if axis < len(shape)]
        elements *= 0 if 0 in sizes else max(sizes)
    return elements


_BROADCASTS: dict[tuple[torch.Size, torch.Size], int] = {}
_BROADCASTS_KEPT = 4096


def broadcast_pair(left: torch.Size, right: torch.Size) -> int:
    """Return `broadcast_elements` of two shapes, from memory where it was asked before."""
    elements = _BROADCASTS.get((left, right))
    if elements is None:
        if len(_BROADCASTS) >= _BROADCASTS_KEPT:
            _BROADCASTS.clear()
        elements = _BROADCASTS[(left, right)] = broadcast_elements((left, right))
    return elements


def _tensor_parameters(op: OpOverload) -> list[int]:
    """Return the positions of the positional parameters that take a tensor."""
    return [
        position
        for position, argument in enumerate(op._schema.arguments)
        if not argument.kwarg_only and str(argument.type) in ("Tensor", "Optional[Tensor]")
    ]


def position_of(op: OpOverload, *names: str) -> int | None:
    """Return the position of the first positional parameter that bears one of these names."""
    for position, argument in enumerate(op._schema.arguments):
        if argument.name in names and not argument.kwarg_only:
            return position
    return None


def per_output(op: OpOverload, each: int) -> Pricer:
    """Price per element of the broadcast of all tensor operands: pointwise operations."""
    positions = _tensor_parameters(op)
    single = torch.float32

    def unary(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        operand = args[0]
        price: int = operand.numel() * each
        if operand.dtype is single and not kwargs:
            return price
        return price * type_weight(args, kwargs)

    def binary(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        left, right = args[0], args[1]
        if not isinstance(right, Tensor):
            price: int = left.numel() * each
            return price if left.dtype is single else price * type_weight(args, kwargs)
        if not isinstance(left, Tensor):
            return general(args, kwargs)
        shape, other = left.shape, right.shape
        price = (left.numel() if shape == other else broadcast_pair(shape, other)) * each
        if left.dtype is single and right.dtype is single:
            return price
        return price * type_weight(args, kwargs)

    def general(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        elements = broadcast_elements(operand.shape for operand in tensors_in(args))
        return elements * each * type_weight(args, kwargs)

    def lists(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        return each * int(sum(operand.numel() for operand in args[0])) * type_weight(args, kwargs)

    if op.overloadpacket.__name__.startswith("_foreach_"):
        return lists
    if positions == [0]:
        return unary
    return binary if positions == [0, 1] else general


def per_sum(op: OpOverload, each: int) -> Pricer:
    """Price sums per output element, twice where one summand is scaled: a + alpha b is an FMA."""
    plain = per_output(op, each)

    def price(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        if kwargs and kwargs.get("alpha", 1) != 1:
            return 2 * plain(args, kwargs)
        return plain(args, kwargs)

    return price


def per_input(op: OpOverload, each: int) -> Pricer:
    """Price per element of the first operand, a tensor or a list of tensors: reductions, scans, reorderings."""

    def price(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        operand = args[0]
        if isinstance(operand, Tensor):
            elements: int = operand.numel() * each
            return elements * type_weight(args, kwargs) if kwargs or operand.dtype is not torch.float32 else elements
        return each * int(sum(tensor.numel() for tensor in operand)) * type_weight(args, kwargs)

    return price


def per_second(op: OpOverload, each: int) -> Pricer:
    """Price per element of the second operand: losses that gather at their targets."""
    return lambda args, kwargs: args[1].numel() * each * type_weight(args, kwargs)


def per_all_inputs(op: OpOverload, each: int) -> Pricer:
    """Price per element of all operands together: concatenation, membership."""

    def price(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        tensors = args[0] if isinstance(args[0], (list, tuple)) else tensors_in(args)
        elements = each * sum([tensor.numel() for tensor in tensors])
        return elements * DTYPE_WEIGHT[tensors[0].dtype] if tensors[0].dtype in DTYPE_WEIGHT else elements

    return price


def per_size(op: OpOverload, each: int) -> Pricer:
    """Price per element of the requested size: random factories and the backward of slices."""
    position = position_of(op, "size", "input_sizes", "input_size", "n")

    def price(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        if position is None:
            return per_input(op, each)(args, kwargs)
        size = args[position]
        elements = size if isinstance(size, int) else prod(size)
        return elements * each * type_weight(args, kwargs)

    return price


def per_grid(op: OpOverload, each: int) -> Pricer:
    """Price per cell of a grid of so many rows and columns, of which a triangle is listed."""
    return lambda args, kwargs: int(args[0]) * int(args[1]) * each


def per_step(op: OpOverload, each: int) -> Pricer:
    """Price per element of a range: arange, linspace, logspace."""
    if op.overloadpacket.__name__ in ("linspace", "logspace"):
        return lambda args, kwargs: int(args[2]) * each

    def price(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        start, end = (args[0], args[1]) if len(args) > 1 else (0, args[0])
        step = args[2] if len(args) > 2 else 1
        return max(0, int(-((end - start) // -step))) * each

    return price


def per_repeat(op: OpOverload, each: int) -> Pricer:
    """Price per element of the tiled output of repeat."""
    return lambda args, kwargs: int(args[0].numel() * prod(args[1])) * each * type_weight(args, kwargs)


def per_repeat_count(op: OpOverload, each: int) -> Pricer:
    """Price per element of repeat_interleave's output, the sum of its counts."""
    return lambda args, kwargs: int(args[0].sum()) * each


def per_padded(op: OpOverload, each: int) -> Pricer:
    """Price per element of a padded output; pads come in pairs from the last axis backwards."""

    def price(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        sizes, pads = list(args[0].shape), args[1]
        for pair in range(len(pads) // 2):
            sizes[-1 - pair] += pads[2 * pair] + pads[2 * pair + 1]
        return int(prod(sizes)) * each * type_weight(args, kwargs)

    return price


def one(op: OpOverload, each: int) -> Pricer:
    """Price a constant: reading one scalar out of a tensor."""
    return lambda args, kwargs: each
