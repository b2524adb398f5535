"""How many elements an operation moves by an index: gathers, scatters, table look-ups, masks, searches."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from istar.flops.operands import Pricer, broadcast_elements, position_of, type_weight


def per_index(op: OpOverload, each: int) -> Pricer:
    """Price per element picked or placed by the parameter called `index`; a copy of the whole adds 1 per element."""
    position = position_of(op, "index")
    if position is None:
        raise ValueError(f"{op} has no parameter called index")
    in_place = op._schema.is_mutable
    copies_whole = any(part in op.overloadpacket.__name__ for part in ("scatter", "put"))

    def price(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        elements = args[position].numel() * each
        if copies_whole and not in_place:
            elements += args[0].numel()
        return int(elements) * type_weight(args[:1], kwargs)

    return price


def per_slices(op: OpOverload, each: int) -> Pricer:
    """Price per element of the slices that a one-dimensional index names along one axis: index_select, index_add."""
    copies_whole = op.overloadpacket.__name__ != "index_select" and not op._schema.is_mutable

    def price(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        whole, axis, index = args[0], args[1], args[2]
        length = whole.shape[axis] if whole.dim() else 1
        elements = each * index.numel() * (whole.numel() // max(1, length))
        if copies_whole:
            elements += whole.numel()
        return int(elements) * type_weight(args[:1], kwargs)

    return price


def per_row(op: OpOverload, each: int) -> Pricer:
    """Price per element of the rows that an index names in a table: embedding and its gradient."""
    backward = "backward" in op.overloadpacket.__name__

    def price(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        values, index = args[0], args[1]
        elements = values.numel() if backward else index.numel() * values.shape[-1]
        return int(elements) * each * type_weight(args, kwargs)

    return price


def per_indexed(op: OpOverload, each: int) -> Pricer:
    """Price per element that a list of index tensors addresses: `x[rows, columns]` and its assignment."""
    copies_whole = "put" in op.overloadpacket.__name__ and not op._schema.is_mutable

    def price(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        whole, indices = args[0], args[1]
        shapes = []
        axis = covered = 0
        for index in indices:
            if index is None:
                axis += 1
                continue
            if index.dtype in (torch.bool, torch.uint8):
                # A mask picks as many elements as it has true entries, known only once it is scanned.
                shapes.append((int(index.count_nonzero()),))
                axes = index.dim()
            else:
                shapes.append(tuple(index.shape))
                axes = 1
            covered = (covered or 1) * prod(whole.shape[axis : axis + axes])
            axis += axes
        elements = each * broadcast_elements(shapes) * (whole.numel() // max(1, covered))
        elements += sum(index.numel() for index in indices if index is not None and index.dtype == torch.bool) * each
        if copies_whole:
            elements += whole.numel()
        return int(elements) * type_weight(args[:1], kwargs)

    return price


def per_search(op: OpOverload, each: int) -> Pricer:
    """Price per comparison of a binary search: searchsorted(sorted, values) and bucketize(values, boundaries)."""
    sorted_first = op.overloadpacket.__name__ == "searchsorted"

    def price(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        ordered, values = (args[0], args[1]) if sorted_first else (args[1], args[0])
        count = values.numel() if isinstance(values, Tensor) else 1
        steps = int(ordered.shape[-1]).bit_length() if ordered.dim() else 1
        return count * steps * each * type_weight(args, kwargs)

    return price
