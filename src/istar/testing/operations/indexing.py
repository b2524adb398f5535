"""What an index picks or places: four an element, and one more an element where the whole is copied."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from istar.testing.operations.case import WIDTH as W
from istar.testing.operations.case import Row, indices, numbers, of_all


def _whole(size: int) -> Tensor:
    return numbers(size, W)


def _mask(size: int) -> Tensor:
    return torch.rand(size, W) > 0.5


INDEXED: tuple[Row, ...] = (
    (
        "torch.gather",
        lambda n: (_whole(n), indices(W, n, W)),
        lambda a, i: torch.gather(a, 1, i),
        lambda a, i: 4 * i.numel(),
    ),
    (
        "Tensor.gather: of one row, zero strides",
        lambda n: (_whole(n), indices(n, 1, W).expand(60, W)),
        lambda a, i: a.gather(0, i),
        lambda a, i: 4 * i.numel(),
    ),
    ("torch.take", lambda n: (numbers(1), indices(1, n, W)), torch.take, lambda a, i: 4 * i.numel()),
    ("Tensor.take", lambda n: (_whole(n), indices(W, n, W)), lambda a, i: a.take(i), lambda a, i: 4 * i.numel()),
    (
        "torch.take_along_dim",
        lambda n: (numbers(n, 1, W), indices(W, 1, n, W)),
        lambda a, i: torch.take_along_dim(a, i, 2),
        lambda a, i: 4 * a.shape[0] * i.numel(),
    ),
    (
        "Tensor.take_along_dim",
        lambda n: (numbers(n * W), indices(n * W, 3, n)),
        lambda a, i: a.take_along_dim(i),
        lambda a, i: 4 * i.numel(),
    ),
    (
        "torch.index_select",
        lambda n: (_whole(n), indices(n, 3 * n)),
        lambda a, i: torch.index_select(a, 0, i),
        lambda a, i: 4 * i.numel() * W,
    ),
    (
        "Tensor.index_select: of one row",
        lambda n: (numbers(1, W), indices(1, 30 * n)),
        lambda a, i: a.index_select(0, i),
        lambda a, i: 4 * i.numel() * W,
    ),
    (
        "Tensor.index_select: zero strides",
        lambda n: (numbers(1, W).expand(n, W), indices(n, 1).expand(30 * n)),
        lambda a, i: a.index_select(0, i),
        lambda a, i: 4 * i.numel() * W,
    ),
    (
        "torch.scatter",
        lambda n: (_whole(n), indices(W, n, 5), numbers(n, 5)),
        lambda a, i, b: torch.scatter(a, 1, i, b),
        lambda a, i, b: a.numel() + 4 * i.numel(),
    ),
    (
        "Tensor.scatter: a number",
        lambda n: (_whole(n), indices(W, n, 5)),
        lambda a, i: a.scatter(1, i, 0.5),
        lambda a, i: a.numel() + 4 * i.numel(),
    ),
    (
        "Tensor.scatter_",
        lambda n: (numbers(n, 1), indices(1, n, 1).expand(n, 90), numbers(n, 1).expand(n, 90)),
        lambda a, i, b: a.scatter_(1, i, b),
        lambda a, i, b: 4 * i.numel(),
    ),
    (
        "torch.scatter_add",
        lambda n: (_whole(n), indices(W, n, 5), numbers(n, 5)),
        lambda a, i, b: torch.scatter_add(a, 1, i, b),
        lambda a, i, b: a.numel() + 5 * i.numel(),
    ),
    (
        "Tensor.scatter_add_: into one column",
        lambda n: (numbers(n, 1), indices(1, n, 1).expand(n, 90), numbers(n, 1).expand(n, 90)),
        lambda a, i, b: a.scatter_add_(1, i, b),
        lambda a, i, b: 5 * i.numel(),
    ),
    (
        "Tensor.scatter_add",
        lambda n: (_whole(n), indices(W, n, 5), numbers(n, 5)),
        lambda a, i, b: a.scatter_add(1, i, b),
        lambda a, i, b: a.numel() + 5 * i.numel(),
    ),
    (
        "Tensor.scatter_reduce_",
        lambda n: (_whole(n), indices(W, n, 5), numbers(n, 5)),
        lambda a, i, b: a.scatter_reduce_(1, i, b, "sum"),
        lambda a, i, b: 5 * i.numel(),
    ),
    *(
        (
            f"Tensor.scatter_reduce: {kind}",
            lambda n: (_whole(n), indices(W, n, 5), numbers(n, 5)),
            lambda a, i, b, kind=kind: a.scatter_reduce(1, i, b, kind),
            lambda a, i, b: a.numel() + 5 * i.numel(),
        )
        for kind in ("sum", "mean", "amax", "prod")
    ),
    (
        "torch.index_add",
        lambda n: (_whole(n), indices(n, 9), numbers(9, W)),
        lambda a, i, b: torch.index_add(a, 0, i, b),
        lambda a, i, b: a.numel() + 5 * b.numel(),
    ),
    (
        "Tensor.index_add_: into one row",
        lambda n: (numbers(1, W), indices(1, 60), numbers(1, W).expand(60, W)),
        lambda a, i, b: a.index_add_(0, i, b),
        lambda a, i, b: 5 * b.numel(),
    ),
    (
        "Tensor.index_add",
        lambda n: (_whole(n), indices(n, 9), numbers(9, W)),
        lambda a, i, b: a.index_add(0, i, b, alpha=0.5),
        lambda a, i, b: a.numel() + 6 * b.numel(),
    ),
    (
        "Tensor.index_copy",
        lambda n: (_whole(n), indices(n, 2), numbers(2, W)),
        lambda a, i, b: a.index_copy(0, i, b),
        lambda a, i, b: a.numel() + 4 * b.numel(),
    ),
    (
        "Tensor.index_copy_",
        lambda n: (_whole(n), indices(n, 2), numbers(2, W)),
        lambda a, i, b: a.index_copy_(0, i, b),
        lambda a, i, b: 4 * b.numel(),
    ),
    (
        "Tensor.index_fill",
        lambda n: (_whole(n), indices(n, 2)),
        lambda a, i: a.index_fill(0, i, 0.5),
        lambda a, i: a.numel() + 4 * i.numel() * W,
    ),
    (
        "Tensor.index_fill_",
        lambda n: (_whole(n), indices(n, 2)),
        lambda a, i: a.index_fill_(0, i, 0.5),
        lambda a, i: 4 * i.numel() * W,
    ),
    (
        "Tensor.index_put_",
        lambda n: (numbers(n), indices(n, 300), numbers(1)),
        lambda a, i, b: a.index_put_((i,), b, accumulate=True),
        lambda a, i, b: 4 * i.numel(),
    ),
    (
        "Tensor.index_put",
        lambda n: (numbers(n), indices(n, 300), numbers(300)),
        lambda a, i, b: a.index_put((i,), b),
        lambda a, i, b: 4 * i.numel(),
    ),
    ("x[i]", lambda n: (_whole(n), indices(n, 50)), lambda a, i: a[i], lambda a, i: 4 * i.numel() * W),
    ("x[i]: of one row", lambda n: (numbers(1, W), indices(1, 500)), lambda a, i: a[i], lambda a, i: 4 * 500 * W),
    (
        "x[i, j]: broadcast",
        lambda n: (_whole(n), indices(n, 30, 1), indices(W, 20)),
        lambda a, i, j: a[i, j],
        lambda a, i, j: 4 * 30 * 20,
    ),
    (
        "x[i, :, j]",
        lambda n: (numbers(n, W, 4), indices(n, 30), indices(4, 30)),
        lambda a, i, j: a[i, :, j],
        lambda a, i, j: 4 * 30 * W,
    ),
    ("x[i]: a list", lambda n: (_whole(n),), lambda a: a[[0, 1, 0, 1]], lambda a: 4 * 4 * W),
    (
        "x[mask]",
        lambda n: (_whole(n), _mask(n)),
        lambda a, m: a[m],
        lambda a, m: 4 * m.numel() + 4 * int(m.sum()),
    ),
    (
        "x[mask]: of rows",
        lambda n: (_whole(40 * n), torch.rand(40 * n) > 0.5),
        lambda a, m: a[m],
        lambda a, m: 4 * m.numel() + 4 * W * int(m.sum()),
    ),
    (
        "x[mask]: of one element",
        lambda n: (numbers(1).expand(n, W), torch.tensor([True]).expand(n, W)),
        lambda a, m: a[m],
        lambda a, m: 8 * m.numel(),
    ),
    (
        "x[i] = y",
        lambda n: (_whole(n), indices(n, 50), numbers(50, W)),
        lambda a, i, b: a.__setitem__(i, b),
        lambda a, i, b: 4 * b.numel(),
    ),
    (
        "x[i] = y: one element",
        lambda n: (_whole(n), indices(n, 50), numbers(1)),
        lambda a, i, b: a.__setitem__(i, b),
        lambda a, i, b: 4 * 50 * W,
    ),
    (
        "x[mask] = number",
        lambda n: (_whole(n), _mask(n)),
        lambda a, m: a.__setitem__(m, 0.5),
        lambda a, m: 2 * m.numel(),
    ),
    (
        "x[mask] = y",
        lambda n: (_whole(n), torch.ones(n, W, dtype=torch.bool), numbers(n * W)),
        lambda a, m, b: a.__setitem__(m, b),
        lambda a, m, b: 8 * m.numel(),
    ),
    (
        "x[slice] = y: one element",
        lambda n: (_whole(n), numbers(1)),
        lambda a, b: a.__setitem__(slice(None), b),
        lambda a, b: a.numel(),
    ),
    (
        "torch.masked_select",
        lambda n: (_whole(n), _mask(n)),
        torch.masked_select,
        lambda a, m: 4 * m.numel() + 4 * int(m.sum()),
    ),
    (
        "torch.masked_select: of one element",
        lambda n: (numbers(1), _mask(n)),
        torch.masked_select,
        lambda a, m: 4 * m.numel() + 4 * int(m.sum()),
    ),
    (
        "Tensor.masked_select: one mask",
        lambda n: (_whole(n), torch.tensor([True])),
        lambda a, m: a.masked_select(m),
        lambda a, m: 8 * a.numel(),
    ),
    (
        "Tensor.masked_select: row by column",
        lambda n: (numbers(W), torch.rand(20 * n, 1) > 0.5),
        lambda a, m: a.masked_select(m),
        lambda a, m: 4 * W * (m.numel() + int(m.sum())),
    ),
    (
        "Tensor.masked_scatter",
        lambda n: (_whole(n), _mask(n), numbers(n * W)),
        lambda a, m, b: a.masked_scatter(m, b),
        lambda a, m, b: 4 * m.numel() + 4 * int(m.sum()),
    ),
    (
        "Tensor.masked_scatter_: one row",
        lambda n: (_whole(n), torch.rand(W) > 0.2, numbers(n * W)),
        lambda a, m, b: a.masked_scatter_(m, b),
        lambda a, m, b: 4 * a.numel(),
    ),
    (
        "Tensor.masked_scatter: one element by a mask",
        lambda n: (numbers(1), _mask(n), numbers(n * W)),
        lambda a, m, b: a.masked_scatter(m, b),
        lambda a, m, b: 4 * m.numel() + 4 * int(m.sum()),
    ),
    ("torch.nonzero", lambda n: (_whole(n),), torch.nonzero, of_all(8)),
    ("torch.nonzero: as_tuple", lambda n: (_whole(n),), lambda a: torch.nonzero(a, as_tuple=True), of_all(8)),
    ("Tensor.nonzero: zero strides", lambda n: (numbers(1).expand(n, W),), lambda a: a.nonzero(), of_all(8)),
    ("torch.nonzero: many axes", lambda n: (numbers(*([2] * 8)),), torch.nonzero, of_all(32)),
    ("torch.argwhere", lambda n: (_whole(n),), torch.argwhere, of_all(8)),
    ("Tensor.argwhere", lambda n: (_whole(n),), lambda a: a.argwhere(), of_all(8)),
    ("torch.where: one operand", lambda n: (_mask(n),), torch.where, of_all(4)),
    (
        "torch.repeat_interleave",
        lambda n: (_whole(n),),
        lambda a: torch.repeat_interleave(a, 5, 0),
        of_all(5),
    ),
    (
        "Tensor.repeat_interleave: one element",
        lambda n: (numbers(1),),
        lambda a: a.repeat_interleave(1000),
        of_all(1000),
    ),
    (
        "Tensor.repeat_interleave: counts",
        lambda n: (_whole(n), torch.full((n,), 40)),
        lambda a, counts: a.repeat_interleave(counts, 0),
        lambda a, counts: 4 * 40 * a.numel(),
    ),
    (
        "torch.repeat_interleave: counts alone",
        lambda n: (torch.full((n,), 40),),
        torch.repeat_interleave,
        lambda counts: 4 * 40 * counts.numel(),
    ),
    (
        "Tensor.repeat_interleave: one row by a count",
        lambda n: (numbers(1, W), torch.tensor([300])),
        lambda a, counts: a.repeat_interleave(counts, 0),
        lambda a, counts: 4 * 300 * W,
    ),
    (
        "torch.nn.functional.embedding",
        lambda n: (indices(n, 50), _whole(n)),
        F.embedding,
        lambda i, a: 4 * 50 * W,
    ),
    (
        "torch.nn.functional.embedding: of one row",
        lambda n: (indices(1, 50, 3), numbers(1, W)),
        F.embedding,
        lambda i, a: 4 * 150 * W,
    ),
    (
        "torch.nn.functional.embedding_bag",
        lambda n: (indices(n, 50, 4), _whole(n)),
        lambda i, a: F.embedding_bag(i, a, mode="sum"),
        lambda i, a: 5 * 200 * W,
    ),
    (
        "torch.nn.functional.embedding_bag: offsets and weights",
        lambda n: (indices(n, 200), _whole(n), torch.arange(0, 200, 4), numbers(200)),
        lambda i, a, o, w: F.embedding_bag(i, a, o, mode="sum", per_sample_weights=w),
        lambda i, a, o, w: 6 * 200 * W,
    ),
    (
        "torch.nn.functional.embedding_bag: largest",
        lambda n: (indices(n, 50, 4), _whole(n)),
        lambda i, a: F.embedding_bag(i, a, mode="max"),
        lambda i, a: 5 * 200 * W,
    ),
    (
        "torch.nn.functional.one_hot",
        lambda n: (indices(50, n),),
        lambda i: F.one_hot(i, 50),
        lambda i: 4 * i.numel(),
    ),
)
"""What an index picks or places costs four an element, and one more an element where the whole is copied."""
