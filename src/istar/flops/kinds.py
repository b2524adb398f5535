"""Kinds of operations: what does its work alike takes a processor a like time per FLOP."""

from __future__ import annotations

from functools import cache
from typing import Literal, get_args

import numpy  # noqa: F401  (before torch, which would swallow an interrupt that comes while it imports it)
import torch

from istar.flops.rulebook import ALL_PRODUCT_BASES, RULEBOOK, is_view, rule_name

Kind = Literal[
    "product", "factorisation", "elementwise", "transcendental", "reduction", "moving", "sorting", "random", "free"
]
KINDS: tuple[Kind, ...] = get_args(Kind)

_OF_BASIS: dict[str, Kind] = {
    "free": "free",
    "once": "free",
    "scaled_sum": "elementwise",
    "pointwise": "elementwise",
    "modulus": "elementwise",
    "bitwise": "elementwise",
    "listed": "elementwise",
    "moved": "moving",
    "joined": "moving",
    "picked": "moving",
    "placed": "moving",
    "bagged": "moving",
    "embedded_backward": "moving",
    "targeted": "moving",
    "halved": "sorting",
    "matched": "sorting",
    "ordered": "sorting",
    "reduced": "reduction",
    "traced": "reduction",
    "searched": "reduction",
    "norms": "reduction",
    "pooled": "reduction",
    "transformed": "factorisation",
    "solved": "factorisation",
    "factored": "factorisation",
    "distances": "reduction",
    **dict.fromkeys(ALL_PRODUCT_BASES, "product"),
}
_TRANSCENDENTAL = 16
"""FLOPs an element from which a pointwise operation has a transcendental function in it."""
_RANDOM = frozenset(
    [
        "rand",
        "randn",
        "randint",
        "randperm",
        "rand_like",
        "randn_like",
        "randint_like",
        "uniform",
        "bernoulli",
        "random",
        "exponential",
        "normal",
        "normal_functional",
        "multinomial",
        "native_dropout",
        "_fused_dropout",
    ]
)
_SELECTING = frozenset(("kthvalue", "median", "nanmedian"))


@cache
def _views(name: str) -> bool:
    packet = getattr(torch.ops.aten, name, None)
    return packet is not None and any(is_view(getattr(packet, overload)) for overload in packet.overloads())


def kind_of(operation: str) -> Kind:
    """Return the kind of an operation; what rulebook v2 does not list is taken to move elements.

    Args:
        operation: its name in a histogram, aten's without overload.
    """
    name = rule_name(operation)
    rule = RULEBOOK.rules.get(name)
    if rule is None:
        return "free" if _views(name) else "moving"
    if name in _RANDOM:
        return "random"
    if name in _SELECTING:
        return "sorting"
    if rule.basis in ("pointwise", "reduced") and rule.each >= _TRANSCENDENTAL:
        return "transcendental"
    return _OF_BASIS[rule.basis]
