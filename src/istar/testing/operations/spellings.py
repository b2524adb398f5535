"""Ways to write one product, and pairs of ways to compute one thing: their prices may not differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

SPELLINGS: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "matmul": torch.matmul,
    "@": lambda a, b: a @ b,
    "mm": torch.mm,
    "bmm": lambda a, b: torch.bmm(a[None], b[None]),
    "einsum": lambda a, b: torch.einsum("ij,jk->ik", a, b),
    "tensordot": lambda a, b: torch.tensordot(a, b, 1),
    "linear": lambda a, b: F.linear(a, b.mT),
    "inner": lambda a, b: torch.inner(a, b.mT),
    "addmm": lambda a, b: torch.addmm(a.new_zeros(()), a, b),
    "baddbmm": lambda a, b: torch.baddbmm(a.new_zeros(()), a[None], b[None]),
    "multi_dot": lambda a, b: torch.linalg.multi_dot([a, b]),
    "mv by columns": lambda a, b: torch.stack([torch.mv(a, column) for column in b.unbind(1)], 1),
    "dot by elements": lambda a, b: [torch.dot(row, column) for row in a.unbind(0) for column in b.unbind(1)],
    "addmv by columns": lambda a, b: [torch.addmv(a.new_zeros(()), a, column) for column in b.unbind(1)],
    "vectors in a batch": lambda a, b: a[:, None] @ b,
    "conv1d": lambda a, b: F.conv1d(b[None], a[:, :, None]),
    "conv1d with a kernel": lambda a, b: F.conv1d(a[:, None], b.mT[:, None].contiguous()),
    "a sum of outer products": lambda a, b: sum(torch.outer(a[:, k], b[k]) for k in range(a.shape[1])),
    "a sum of products": lambda a, b: (a[:, :, None] * b).sum(1),
    "vmap of dot": lambda a, b: torch.func.vmap(torch.func.vmap(torch.dot, (None, 1)), (0, None))(a, b),
    "vmap of mv": lambda a, b: torch.func.vmap(torch.mv, (None, 1))(a, b),
    "jvp": lambda a, b: torch.func.jvp(lambda x: x @ b, (torch.zeros_like(a),), (a,))[1],
    "grad": lambda a, b: torch.func.vjp(lambda x: x @ b, torch.zeros_like(a))[1](a @ b),
}
"""Ways to write the product of an m x k and a k x n matrix."""


PAIRS: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[tuple[int, ...], ...], float]] = {
    "attention, fused and in parts": (
        F.scaled_dot_product_attention,
        lambda q, k, v: torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, -1) @ v,
        ((2, 3, 16, 64), (2, 3, 16, 64), (2, 3, 16, 64)),
        1.5,
    ),
    "a covariance": (
        torch.cov,
        lambda x: (x - x.mean(1, keepdim=True)) @ (x - x.mean(1, keepdim=True)).mT / (x.shape[1] - 1),
        ((32, 200),),
        1.5,
    ),
    "squared distances": (
        lambda a, b: torch.cdist(a, b) ** 2,
        lambda a, b: ((a[:, None] - b[None]) ** 2).sum(-1),
        ((40, 64), (40, 64)),
        # a square is priced as a power
        8,
    ),
    "a Kronecker product": (
        torch.kron,
        lambda a, b: torch.einsum("ij,kl->ikjl", a, b).reshape(72, 42),
        ((9, 7), (8, 6)),
        2.5,
    ),
    "an outer product": (torch.outer, lambda a, b: a[:, None] @ b[None], ((30,), (40,)), 2.5),
    "a solve, and its factors": (
        torch.linalg.solve,
        lambda a, b: torch.linalg.inv(a) @ b,
        ((24, 24), (24, 12)),
        3,
    ),
    "a convolution, and windows": (
        lambda x, w: F.conv1d(x, w),
        lambda x, w: torch.einsum("bclk,ock->bol", x.unfold(-1, 3, 1), w),
        ((2, 8, 40), (16, 8, 3)),
        1.5,
    ),
    "one product a sample": (
        lambda a, b: torch.func.vmap(torch.mm)(a, b),
        torch.bmm,
        ((7, 8, 9), (7, 9, 10)),
        1.01,
    ),
}
"""Two ways to compute the same of operands of these shapes, and how far their prices may be apart, as a factor."""

OF_ELEMENTS = frozenset(("a sum of outer products", "a sum of products"))
"""Spellings that multiply and add element by element: the same price, but no product of matrices to a rulebook."""
