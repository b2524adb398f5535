"""Operations that no method names, but that torch's compositions, gradients and models call: called directly."""

from __future__ import annotations

from collections.abc import Iterator
from math import log2
from typing import Any

import torch

from istar.testing.operations.case import (
    Case,
    Row,
    accepted,
    indices,
    layouts,
    moving,
    numbers,
    types,
    well_conditioned,
)

W = 24
_A: Any = torch.ops.aten


def _first(each: float) -> Any:
    return lambda first, *_: each * first.numel() * moving(first)


def _whole(size: int) -> tuple[Any, ...]:
    return (numbers(size, W),)


def _two(size: int) -> tuple[Any, ...]:
    return numbers(size, W), numbers(size, W)


UNARY: dict[int, str] = {
    1: "isposinf isneginf sgn",
}
BINARY: dict[int, str] = {
    2: "leaky_relu_backward threshold_backward hardtanh_backward mse_loss_backward",
    3: "tanh_backward sigmoid_backward",
    # exp, add, divide; and the products of the gradient
    22: "softplus_backward log_sigmoid_backward logit_backward elu_backward",
    38: "gelu_backward",
}
MORE: dict[str, tuple[Any, ...]] = {
    "leaky_relu_backward": (0.01, False),
    "threshold_backward": (0.3,),
    "hardtanh_backward": (-1.0, 1.0),
    "mse_loss_backward": (),
    "softplus_backward": (1.0, 20.0),
    "elu_backward": (1.0, 1.0, 1.0, False),
}
COPIES = "alias_copy detach_copy t_copy".split()


def _same(names: dict[int, str], operands: Any, work: Any) -> Iterator[Row]:
    for each, together in names.items():
        for name in together.split():
            further = MORE.get(name, ())
            packet = getattr(_A, name)
            yield (
                f"aten.{name}",
                operands,
                lambda *x, packet=packet, further=further: packet(*x, *further),
                work(each),
            )


SINGLE: tuple[Row, ...] = (
    (
        "aten.mse_loss_backward",
        lambda n: (*_two(n), *_whole(n)),
        lambda g, x, y: _A.mse_loss_backward(g, x, y, 1),
        _first(2),
    ),
    ("aten.log_sigmoid_backward", lambda n: (*_two(n), *_whole(n)), _A.log_sigmoid_backward, _first(18)),
    ("aten.glu", lambda n: _whole(n), lambda x: _A.glu(x, -1), _first(10)),
    (
        "aten.glu_backward",
        lambda n: (numbers(n, W // 2), numbers(n, W)),
        lambda g, x: _A.glu_backward(g, x, -1),
        lambda g, x: 12 * x.numel(),
    ),
    ("aten.randint_like", _whole, lambda x: _A.randint_like(x, 9), _first(16)),
    ("aten.native_dropout", _whole, lambda x: _A.native_dropout(x, 0.3, True), _first(18)),
    (
        "aten.native_dropout_backward",
        lambda n: (*_whole(n), torch.rand(n, W) > 0.3),
        lambda g, mask: _A.native_dropout_backward(g, mask, 1.5),
        _first(2),
    ),
    (
        "aten._masked_scale",
        lambda n: (*_whole(n), torch.ones(n, W)),
        lambda x, m: _A._masked_scale(x, m, 1.5),
        _first(1),
    ),
    (
        "aten._masked_softmax",
        lambda n: (numbers(2, 3, n, n), torch.rand(2, 3, n, n) > 0.5),
        lambda x, m: _A._masked_softmax(x, m, 3, 2),
        _first(20),
    ),
    (
        "aten._masked_softmax_backward",
        lambda n: (numbers(2, 3, n, n), numbers(2, 3, n, n), torch.rand(2, 3, n, n) > 0.5),
        lambda g, y, m: _A._masked_softmax_backward(g, y, m, 3),
        _first(6),
    ),
    (
        "aten._int_mm",
        lambda n: (torch.ones(32, 8 * n, dtype=torch.int8), torch.ones(8 * n, 16, dtype=torch.int8)),
        torch._int_mm,
        lambda a, b: 2 * a.numel() * b.shape[1],
    ),
    (
        "aten._addmm_activation",
        lambda n: (numbers(n), numbers(n, n), numbers(n, n)),
        _A._addmm_activation,
        lambda bias, a, b: 2 * a.numel() * b.shape[1] + b.numel(),
    ),
    (
        "aten._convolution",
        lambda n: (numbers(2, 4, 3 * n), numbers(6, 4, 3)),
        lambda x, w: _A._convolution(x, w, None, [1], [0], [1], False, [0], 1, False, False, False, False),
        lambda x, w: 2 * 2 * (x.shape[-1] - 2) * w.numel(),
    ),
    (
        "aten.lu_unpack",
        lambda n: torch.linalg.lu_factor(well_conditioned(4 * n, 4 * n)),
        _A.lu_unpack,
        lambda matrix, _: 3 * matrix.numel(),
    ),
    (
        "aten.isin",
        lambda n: (numbers(n, W), numbers(9)),
        _A.isin,
        lambda x, among: x.numel() * among.numel(),
    ),
    (
        "aten.isin: many",
        lambda n: (numbers(n, W), numbers(30 * n)),
        _A.isin,
        lambda x, among: (x.numel() + among.numel()) * log2(x.numel() + among.numel()),
    ),
    ("aten._stack", _two, lambda a, b: _A._stack([a, b], 0), _first(2)),
    ("aten._unique", _whole, _A._unique, _first(4)),
    (
        "aten._unsafe_index",
        lambda n: (numbers(n, W), indices(n, 90)),
        lambda x, i: _A._unsafe_index(x, [i]),
        lambda x, i: 4 * i.numel() * W,
    ),
    (
        "aten._unsafe_index_put",
        lambda n: (numbers(n, W), indices(n, 90), numbers(1)),
        lambda x, i, y: _A._unsafe_index_put(x, [i], y),
        lambda x, i, y: 4 * i.numel() * W,
    ),
    (
        "aten._index_put_impl_",
        lambda n: (numbers(n, W), indices(n, 90), numbers(1)),
        lambda x, i, y: _A._index_put_impl_(x, [i], y),
        lambda x, i, y: 4 * i.numel() * W,
    ),
    (
        "aten.put_",
        lambda n: (numbers(n, W), indices(n, 90), numbers(90)),
        lambda x, i, y: x.put_(i, y),
        lambda x, i, y: 4 * i.numel(),
    ),
    ("aten.select_backward", lambda n: (numbers(W),), lambda g: _A.select_backward(g, [50, W], 0, 3), _first(50)),
    (
        "aten.as_strided_scatter",
        lambda n: (numbers(n, W), numbers(W)),
        lambda x, y: _A.as_strided_scatter(x, y, [W], [1]),
        _first(1),
    ),
    ("aten.expand_copy", lambda n: (numbers(W),), lambda x: _A.expand_copy(x, [60, W]), _first(60)),
    ("aten.permute_copy", _whole, lambda x: _A.permute_copy(x, [1, 0]), _first(1)),
    ("aten.transpose_copy", _whole, lambda x: _A.transpose_copy(x, 0, 1), _first(1)),
    ("aten.view_copy", _whole, lambda x: _A.view_copy(x, [-1]), _first(1)),
    ("aten.select_copy", _whole, lambda x: _A.select_copy(x, 0, 1), lambda x: W),
    ("aten.slice_copy", _whole, lambda x: _A.slice_copy(x, 0, 1), _first(1)),
    ("aten.diagonal_copy", lambda n: (numbers(9 * n, 9 * n),), _A.diagonal_copy, lambda x: x.shape[0]),
    ("aten.split_copy", _whole, lambda x: _A.split_copy(x, 2), _first(1)),
    ("aten.split_with_sizes_copy", _whole, lambda x: _A.split_with_sizes_copy(x, [4, W - 4], 1), _first(1)),
    ("aten.unbind_copy", _whole, _A.unbind_copy, _first(1)),
    ("aten.unfold_copy", _whole, lambda x: _A.unfold_copy(x, 1, 6, 1), _first(6 * 19 / W)),
    ("aten.unsqueeze_copy", _whole, lambda x: _A.unsqueeze_copy(x, 0), _first(1)),
    ("aten.squeeze_copy", _whole, _A.squeeze_copy, _first(1)),
    ("aten.as_strided_copy", lambda n: (numbers(1),), lambda x: _A.as_strided_copy(x, [500], [0]), _first(500)),
    (
        "aten._cummax_helper",
        lambda n: (*_two(n), torch.zeros(n, W, dtype=torch.int64)),
        lambda x, v, i: _A._cummax_helper(x, v, i, 0),
        _first(1),
    ),
    (
        "aten._cummin_helper",
        lambda n: (*_two(n), torch.zeros(n, W, dtype=torch.int64)),
        lambda x, v, i: _A._cummin_helper(x, v, i, 0),
        _first(1),
    ),
    ("aten._logcumsumexp", _whole, lambda x: _A._logcumsumexp(x, 0), _first(34)),
    ("aten._aminmax", _whole, _A._aminmax, _first(1)),
    ("aten._is_all_true", lambda n: (torch.ones(n, W, dtype=torch.bool),), _A._is_all_true, _first(1)),
    ("aten._is_any_true", lambda n: (torch.ones(n, W, dtype=torch.bool),), _A._is_any_true, _first(1)),
    *(
        (f"aten.{name}", lambda n: (numbers(n, W, dtype=torch.complex64),), getattr(_A, name), _first(1))
        for name in ("_conj_physical",)
    ),
    (
        "aten._linalg_eigvals",
        lambda n: (well_conditioned(2 * n, 2 * n),),
        _A._linalg_eigvals,
        lambda x: 10 * x.shape[0] ** 3 * moving(x),
    ),
    (
        "aten._cholesky_solve_helper",
        lambda n: (numbers(n, 40), well_conditioned(n, n)),
        lambda b, a: _A._cholesky_solve_helper(b, a, False),
        lambda b, a: 2 * b.numel() * b.shape[0],
    ),
    (
        "aten._native_batch_norm_legit",
        _whole,
        lambda x: _A._native_batch_norm_legit.no_stats(x, None, None, True, 0.1, 1e-5),
        _first(8),
    ),
    (
        "aten._native_batch_norm_legit_no_training",
        lambda n: (numbers(n, W), numbers(W), numbers(W)),
        lambda x, m, v: _A._native_batch_norm_legit_no_training(x, None, None, m, v, 0.1, 1e-5),
        _first(4),
    ),
    (
        "aten._native_batch_norm_legit_functional",
        lambda n: (numbers(n, W), numbers(W), numbers(W)),
        lambda x, m, v: _A._native_batch_norm_legit_functional(x, None, None, m, v, True, 0.1, 1e-5),
        _first(8),
    ),
    (
        "aten.bitwise_left_shift",
        lambda n: (torch.ones(n, W, dtype=torch.int64), torch.ones(n, W, dtype=torch.int64)),
        _A.bitwise_left_shift,
        lambda a, b: 64 * a.numel(),
    ),
    (
        "aten.bitwise_right_shift",
        lambda n: (torch.ones(n, W, dtype=torch.int64), torch.ones(n, W, dtype=torch.int64)),
        _A.bitwise_right_shift,
        lambda a, b: 64 * a.numel(),
    ),
    (
        "aten.__ilshift__",
        lambda n: (torch.ones(n, W, dtype=torch.int64), 3),
        _A.__ilshift__,
        lambda a, b: 64 * a.numel(),
    ),
    (
        "aten.__irshift__",
        lambda n: (torch.ones(n, W, dtype=torch.int64), 3),
        _A.__irshift__,
        lambda a, b: 64 * a.numel(),
    ),
    (
        "aten._grouped_mm",
        lambda n: (
            numbers(32, 16, dtype=torch.bfloat16),
            numbers(2, 16, 48, dtype=torch.bfloat16),
            torch.tensor([8, 32], dtype=torch.int32),
        ),
        lambda a, b, ends: _A._grouped_mm(a, b, ends),
        lambda a, b, ends: 2 * a.numel() * b.shape[-1],
    ),
)


def cases() -> Iterator[Case]:
    """Yield the operations that no method names."""
    rows: list[Row] = [
        *_same(UNARY, _whole, _first),
        *(row for row in _same(BINARY, _two, _first) if row[0] not in {each[0] for each in SINGLE}),
        *((f"aten.{name}", _whole, getattr(_A, name), _first(1)) for name in COPIES),
        *SINGLE,
    ]
    for name, operands, call, work in rows:
        case = Case(name, (), operands, call, work)
        yield from accepted([case, *layouts(case), *types(case, (torch.float64,))])
