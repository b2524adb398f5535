"""Copies: each element that is written costs one."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from istar.testing.operations.case import WIDTH as W
from istar.testing.operations.case import Row, numbers, of_all


def _whole(size: int) -> Tensor:
    return numbers(size, W)


COPIES: tuple[Row, ...] = (
    ("torch.cat", lambda n: (_whole(n), _whole(n)), lambda a, b: torch.cat([a, b]), of_all(1)),
    ("torch.cat: last axis", lambda n: (_whole(n), _whole(n)), lambda a, b: torch.cat((a, b), dim=-1), of_all(1)),
    ("torch.cat: one many times", lambda n: (_whole(n),), lambda a: torch.cat([a] * 50), of_all(50)),
    ("torch.concat", lambda n: (_whole(n), _whole(n)), lambda a, b: torch.concat([a, b]), of_all(1)),
    ("torch.stack", lambda n: (_whole(n), _whole(n)), lambda a, b: torch.stack([a, b], 1), of_all(1)),
    ("torch.hstack", lambda n: (_whole(n), _whole(n)), lambda a, b: torch.hstack([a, b]), of_all(1)),
    ("torch.vstack", lambda n: (_whole(n), _whole(n)), lambda a, b: torch.vstack([a, b]), of_all(1)),
    ("Tensor.clone", lambda n: (_whole(n),), lambda a: a.clone(), of_all(1)),
    ("Tensor.clone: of one element", lambda n: (numbers(1),), lambda a: a.expand(500).clone(), of_all(500)),
    ("torch.clone", lambda n: (_whole(n),), torch.clone, of_all(1)),
    ("Tensor.contiguous", lambda n: (_whole(n),), lambda a: a.mT.contiguous(), of_all(1)),
    ("Tensor.contiguous: of a row", lambda n: (numbers(1, W),), lambda a: a.expand(50, W).contiguous(), of_all(50)),
    ("Tensor.reshape: with a copy", lambda n: (_whole(n),), lambda a: a.mT.reshape(-1), of_all(1)),
    ("torch.reshape: with a copy", lambda n: (_whole(n),), lambda a: torch.reshape(a.mT, (-1,)), of_all(1)),
    ("Tensor.flatten: with a copy", lambda n: (_whole(n),), lambda a: a.mT.flatten(), of_all(1)),
    ("torch.flatten: with a copy", lambda n: (_whole(n),), lambda a: torch.flatten(a.mT), of_all(1)),
    ("torch.ravel: with a copy", lambda n: (_whole(n),), lambda a: torch.ravel(a.mT), of_all(1)),
    ("Tensor.ravel: with a copy", lambda n: (_whole(n),), lambda a: a.mT.ravel(), of_all(1)),
    ("Tensor.to: another type", lambda n: (_whole(n),), lambda a: a.to(torch.float16), of_all(1)),
    ("Tensor.to: dtype= and copy", lambda n: (_whole(n),), lambda a: a.to(dtype=torch.float32, copy=True), of_all(1)),
    ("Tensor.type", lambda n: (_whole(n),), lambda a: a.type(torch.float16), of_all(1)),
    ("Tensor.type_as", lambda n: (_whole(n),), lambda a: a.type_as(torch.zeros((), dtype=torch.float16)), of_all(1)),
    *(
        (f"Tensor.{name}", lambda n: (_whole(n),), lambda a, name=name: getattr(a, name)(), of_all(1))
        for name in "double half bfloat16 int long short char byte bool cfloat".split()
        if hasattr(Tensor, name)
    ),
    ("Tensor.float", lambda n: (_whole(n).half(),), lambda a: a.float(), of_all(1)),
    ("Tensor.copy_", lambda n: (_whole(n), _whole(n)), lambda a, b: a.copy_(b), of_all(0.5)),
    ("Tensor.copy_: of one element", lambda n: (_whole(n), numbers(1)), lambda a, b: a.copy_(b), of_all(1)),
    ("Tensor.repeat", lambda n: (_whole(n),), lambda a: a.repeat(5, 2), of_all(10)),
    ("Tensor.repeat: of one element", lambda n: (numbers(1),), lambda a: a.repeat(50, 20), of_all(1000)),
    ("torch.tile", lambda n: (_whole(n),), lambda a: torch.tile(a, (5, 2)), of_all(10)),
    ("Tensor.tile", lambda n: (numbers(1),), lambda a: a.tile(50, 20), of_all(1000)),
    ("torch.roll", lambda n: (_whole(n),), lambda a: torch.roll(a, 2, 0), of_all(1)),
    ("Tensor.roll", lambda n: (_whole(n),), lambda a: a.roll((1, 2), (0, 1)), of_all(1)),
    ("torch.flip", lambda n: (_whole(n),), lambda a: torch.flip(a, (0,)), of_all(1)),
    ("Tensor.flip", lambda n: (_whole(n),), lambda a: a.flip(0, 1), of_all(1)),
    ("torch.tril", lambda n: (_whole(n),), torch.tril, of_all(1)),
    ("Tensor.tril", lambda n: (_whole(n),), lambda a: a.tril(-1), of_all(1)),
    ("torch.triu", lambda n: (_whole(n),), torch.triu, of_all(1)),
    ("Tensor.triu", lambda n: (numbers(3, n, n),), lambda a: a.triu(1), of_all(1)),
    ("torch.diag_embed", lambda n: (numbers(n, 5),), torch.diag_embed, of_all(5)),
    ("Tensor.diag_embed", lambda n: (numbers(5),), lambda a: a.expand(20, 5).diag_embed(), of_all(100)),
    ("torch.diag: a matrix", lambda n: (numbers(n * 5),), torch.diag, lambda a: a.numel() ** 2),
    ("Tensor.diag: a matrix", lambda n: (numbers(n * 5),), lambda a: a.diag(), lambda a: a.numel() ** 2),
    ("torch.block_diag", lambda n: (numbers(n, n), numbers(n, n)), torch.block_diag, of_all(2)),
    (
        "torch.cartesian_prod",
        lambda n: (numbers(n), numbers(2 * n)),
        torch.cartesian_prod,
        lambda a, b: 2 * a.numel() * b.numel(),
    ),
    (
        "torch.combinations",
        lambda n: (numbers(4 * n),),
        torch.combinations,
        lambda a: 4 * a.numel() * (a.numel() - 1) / 2 * 2,
    ),
    ("torch.nn.functional.pad", lambda n: (_whole(n),), lambda a: F.pad(a, (2, 2)), of_all((W + 4) / W)),
    ("torch.nn.functional.pad: of one element", lambda n: (numbers(1),), lambda a: F.pad(a, (0, 999)), of_all(1000)),
    *(
        (
            f"torch.nn.functional.pad: {mode}",
            lambda n: (numbers(2, n, W),),
            lambda a, mode=mode: F.pad(a, (3, 5), mode),
            of_all((W + 8) / W),
        )
        for mode in ("reflect", "replicate", "circular")
    ),
    ("Tensor.unfold: and a copy", lambda n: (_whole(n),), lambda a: a.unfold(1, 6, 1).clone(), of_all(6 * 19 / W)),
    ("Tensor.reshape_as: with a copy", lambda n: (_whole(n),), lambda a: a.mT.reshape_as(a), of_all(1)),
    ("Tensor.cdouble", lambda n: (_whole(n),), lambda a: a.cdouble(), of_all(8)),
    ("Tensor.new_tensor", lambda n: (_whole(n),), lambda a: a.new_tensor(a.detach().to("cpu")), of_all(1)),
    ("Tensor.tril_", lambda n: (_whole(n),), lambda a: a.tril_(), of_all(1)),
    ("Tensor.triu_", lambda n: (_whole(n),), lambda a: a.triu_(), of_all(1)),
    ("Tensor.resolve_conj", lambda n: (_whole(n).to(torch.complex64),), lambda a: a.conj().resolve_conj(), of_all(1)),
    (
        "Tensor.resolve_neg",
        lambda n: (_whole(n).to(torch.complex64),),
        lambda a: a.conj().imag.resolve_neg(),
        of_all(1),
    ),
    ("Tensor.expand: and a copy", lambda n: (numbers(W),), lambda a: a.expand(40, W) + 0, of_all(40)),
    ("Tensor.tolist", lambda n: (_whole(n),), lambda a: a.tolist(), of_all(0)),
    ("Tensor.fill_", lambda n: (_whole(n),), lambda a: a.detach().fill_(0.5), of_all(1)),
    ("Tensor.zero_", lambda n: (_whole(n),), lambda a: a.detach().zero_(), of_all(1)),
    (
        "Tensor.fill_diagonal_",
        lambda n: (numbers(9 * n, 9 * n),),
        lambda a: a.detach().fill_diagonal_(0.5),
        lambda a: a.shape[0],
    ),
    ("Tensor.select_scatter", lambda n: (_whole(n), numbers(W)), lambda a, b: a.select_scatter(b, 0, 1), of_all(1)),
    ("Tensor.slice_scatter", lambda n: (_whole(n), numbers(2, W)), lambda a, b: a.slice_scatter(b, 0, 0, 2), of_all(1)),
    ("Tensor.diagonal_scatter", lambda n: (numbers(n, n), numbers(n)), lambda a, b: a.diagonal_scatter(b), of_all(1)),
)
"""Copies: each element that is written costs one."""
