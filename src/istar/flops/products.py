"""Matrix products under rulebook v2, priced before they run: torch forces the shapes of their factors on each other.

An FMA counts 2. Types weigh as in `istar.flops.work`.
"""

# Every basis has the same signature, whether or not it needs all of it.
# ruff: noqa: ARG001, ARG005

from __future__ import annotations

import torch
from torch import Tensor
from torch._ops import OpOverload

from istar.flops.formulas import Args, Kwargs, transformer_attention
from istar.flops.operands import EACH_WEIGHT, Pricer, bits_of, is_integer


def _weight(factor: Tensor) -> int:
    if is_integer(factor.dtype):
        return max(1, bits_of(factor.dtype) // 8)
    return EACH_WEIGHT.get(factor.dtype, 1)


def product(op: OpOverload, each: int) -> Pricer:
    """Price m x k by k x n at 2mkn, with any number of batches, the factors at `each` and the place after it."""
    single = torch.float32

    def price(args: Args, kwargs: Kwargs) -> int:
        left, right = args[each], args[each + 1]
        flops: int = 2 * left.numel() * right.size(-1)
        return flops if left.dtype is single else flops * _weight(left)

    return price


def product_with_vector(op: OpOverload, each: int) -> Pricer:
    """Price m x k by k at 2mk, the matrix at place `each`; also inner products."""
    return lambda args, kwargs: 2 * int(args[each].numel()) * _weight(args[each])


def product_of_vectors(op: OpOverload, each: int) -> Pricer:
    """Price self + x y^T at 2mn, the vectors at `each` and the place after it."""
    return lambda args, kwargs: 2 * int(args[each].numel() * args[each + 1].numel()) * _weight(args[each])


def multi_head_attention(op: OpOverload, each: int) -> Pricer:
    """Torch's fused multi-head attention: see `formulas.transformer_attention`."""
    return transformer_attention(op, each)
