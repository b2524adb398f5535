"""Composite operations whose price is plain without taking them apart.

In inference mode torch hands the meter whole composites, such as a linear layer, that it otherwise takes apart
itself. Taking them apart in the meter costs more time than a small product does, so for the commonest the price of
the parts is stated here; a test holds it equal. A shortcut answers None where it does not apply.
"""

# Every shortcut has the same signature, whether or not it needs all of it.
# ruff: noqa: ARG001

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch


class Shortcut(NamedTuple):
    """The price of a composite without its parts.

    Attributes:
        part: the name of the only part that costs anything.
        price: its price, or None where the composite has to be taken apart.
        product: whether that part is a matrix product.
    """

    part: str
    price: Callable[[tuple[Any, ...], dict[str, Any]], int | None]
    product: bool


def _linear(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | None:
    """A layer without bias on a contiguous float32 input is one matrix product."""
    source, weight = args[0], args[1]
    plain = len(args) == 2 and source.dtype is torch.float32 and source.dim() > 1 and weight.dim() == 2
    return 2 * source.numel() * weight.size(0) if plain and source.is_contiguous() else None


def _to(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | None:
    """A conversion to the type that the tensor has already returns the tensor."""
    return 0 if len(args) == 2 and not kwargs and args[0].dtype is args[1] else None


def _reshape(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | None:
    """Reshaping a contiguous tensor is a view."""
    return 0 if args[0].is_contiguous() else None


SHORTCUTS = {
    torch.ops.aten.linear.default: Shortcut("mm", _linear, product=True),
    torch.ops.aten.to.dtype: Shortcut("_to_copy", _to, product=False),
    torch.ops.aten.reshape.default: Shortcut("clone", _reshape, product=False),
}
