"""Layers, norms and losses: what their definitions add up to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from istar.testing.operations.case import FLOATS, Case, Row, accepted, forms, indices, numbers, weight

W = 24


def _first(each: float) -> Callable[..., float]:
    return lambda first, *_: each * first.numel() * weight(first)


def _whole(size: int) -> Tensor:
    return numbers(size, W)


def _pair(size: int) -> tuple[Tensor, Tensor]:
    return _whole(size), _whole(size)


NORMALISED: tuple[Row, ...] = (
    # mean 1, variance 3, normalise 2, scale and shift 2
    ("layer_norm", lambda n: (_whole(n),), lambda x: F.layer_norm(x, (W,)), _first(8)),
    (
        "layer_norm: scaled and shifted",
        lambda n: (_whole(n), numbers(W), numbers(W)),
        lambda x, w, b: F.layer_norm(x, (W,), w, b),
        _first(8),
    ),
    ("layer_norm: two axes", lambda n: (numbers(n, 3, 8),), lambda x: F.layer_norm(x, (3, 8)), _first(8)),
    # a power, a mean, a product, a scale
    ("rms_norm", lambda n: (_whole(n), numbers(W)), lambda x, w: F.rms_norm(x, (W,), w), _first(19)),
    ("group_norm", lambda n: (numbers(n, 4, 6),), lambda x: F.group_norm(x, 2), _first(8)),
    (
        "batch_norm: training",
        lambda n: (_whole(n),),
        lambda x: F.batch_norm(x, None, None, training=True),
        _first(8),
    ),
    (
        "batch_norm: running",
        lambda n: (_whole(n), numbers(W), numbers(W)),
        lambda x, mean, variance: F.batch_norm(x, mean, variance),
        _first(4),
    ),
)

LOSSES: tuple[Row, ...] = (
    (
        "cross_entropy",
        lambda n: (_whole(n), indices(W, n)),
        F.cross_entropy,
        lambda x, t: 20 * x.numel() + 4 * t.numel(),
    ),
    (
        "cross_entropy: weights and smoothing",
        lambda n: (_whole(n), indices(W, n), numbers(W)),
        lambda x, t, w: F.cross_entropy(x, t, w, label_smoothing=0.1),
        lambda x, *_: 22 * x.numel(),
    ),
    ("cross_entropy: probabilities", lambda n: _pair(n), F.cross_entropy, _first(22)),
    (
        "cross_entropy: positions",
        lambda n: (numbers(2, W, n), indices(W, 2, n)),
        F.cross_entropy,
        lambda x, t: 20 * x.numel() + 4 * t.numel(),
    ),
    ("nll_loss", lambda n: (_whole(n), indices(W, n)), F.nll_loss, lambda x, t: 4 * t.numel()),
    ("mse_loss", lambda n: _pair(n), F.mse_loss, _first(3)),
    ("mse_loss: by element", lambda n: _pair(n), lambda a, b: F.mse_loss(a, b, reduction="none"), _first(2)),
    (
        "mse_loss: one element",
        lambda n: (numbers(1), _whole(n)),
        F.mse_loss,
        lambda a, b: 3 * b.numel() * weight(a),
    ),
    ("l1_loss", lambda n: _pair(n), F.l1_loss, _first(3)),
    ("l1_loss: one element", lambda n: (numbers(1), _whole(n)), F.l1_loss, lambda a, b: 3 * b.numel() * weight(a)),
    ("smooth_l1_loss", lambda n: _pair(n), F.smooth_l1_loss, _first(5)),
    (
        "smooth_l1_loss: one element",
        lambda n: (numbers(1), _whole(n)),
        F.smooth_l1_loss,
        lambda a, b: 5 * b.numel() * weight(a),
    ),
    ("huber_loss", lambda n: _pair(n), F.huber_loss, _first(5)),
    (
        "huber_loss: one element",
        lambda n: (numbers(1), _whole(n)),
        F.huber_loss,
        lambda a, b: 5 * b.numel() * weight(a),
    ),
    ("kl_div", lambda n: _pair(n), F.kl_div, _first(19)),
    ("kl_div: log targets", lambda n: _pair(n), lambda a, b: F.kl_div(a, b, log_target=True), _first(19)),
    ("binary_cross_entropy", lambda n: _pair(n), F.binary_cross_entropy, _first(36)),
    (
        "binary_cross_entropy_with_logits",
        lambda n: _pair(n),
        F.binary_cross_entropy_with_logits,
        _first(36),
    ),
    (
        "binary_cross_entropy_with_logits: weights",
        lambda n: (*_pair(n), numbers(W), numbers(W)),
        lambda a, b, w, p: F.binary_cross_entropy_with_logits(a, b, w, pos_weight=p),
        _first(38),
    ),
)

POOLED: tuple[Row, ...] = (
    ("avg_pool1d", lambda n: (numbers(2, 3, 6 * n),), lambda x: F.avg_pool1d(x, 3), _first(1)),
    (
        "avg_pool1d: overlapping",
        lambda n: (numbers(2, 3, 6 * n),),
        lambda x: F.avg_pool1d(x, 9, 1, 4),
        _first(9),
    ),
    ("max_pool1d", lambda n: (numbers(2, 3, 6 * n),), lambda x: F.max_pool1d(x, 3), _first(1)),
    (
        "max_pool1d: overlapping",
        lambda n: (numbers(2, 3, 6 * n),),
        lambda x: F.max_pool1d(x, 9, 1, 4),
        _first(9),
    ),
    (
        "max_pool1d: with places",
        lambda n: (numbers(2, 3, 6 * n),),
        lambda x: F.max_pool1d(x, 9, 1, 4, return_indices=True),
        _first(9),
    ),
    (
        "max_pool1d: dilated",
        lambda n: (numbers(2, 3, 6 * n),),
        lambda x: F.max_pool1d(x, 5, 1, 0, 2),
        _first(4),
    ),
)


def _functional() -> Iterator[Case]:
    for name, operands, call, work in (*NORMALISED, *LOSSES, *POOLED):
        path = f"torch.nn.functional.{name}"
        yield from forms(Case(path, (path.partition(":")[0],), operands, call, work), (*FLOATS,), times=3.0)


def _modules() -> Iterator[Case]:
    per_element: dict[str, tuple[Callable[[], nn.Module], float]] = {
        "LayerNorm": (lambda: nn.LayerNorm(W), 8),
        "RMSNorm": (lambda: nn.RMSNorm(W), 19),
        "Dropout": (lambda: nn.Dropout(0.5), 18),
        "ReLU": (nn.ReLU, 1),
        "GELU": (nn.GELU, 20),
        "GELU: tanh": (lambda: nn.GELU("tanh"), 24),
        "SiLU": (nn.SiLU, 19),
        "Tanh": (nn.Tanh, 16),
        "Sigmoid": (nn.Sigmoid, 18),
        "Softmax": (lambda: nn.Softmax(-1), 20),
        "LogSoftmax": (lambda: nn.LogSoftmax(-1), 20),
        "Linear": (lambda: nn.Linear(W, 12), 24),
        "Sequential": (lambda: nn.Sequential(nn.Linear(W, 12, bias=False), nn.ReLU()), 24.5),
    }
    for name, (make, each) in per_element.items():
        path = f"torch.nn.{name}"
        case = Case(
            path,
            (path.partition(":")[0],),
            lambda n, make=make: (_whole(n), make()),
            lambda x, module: module(x),
            _first(each),
        )
        yield case
        yield Case(
            f"{path}: backward" if ":" not in name else f"{path}, backward",
            (),
            lambda n, make=make: (_whole(n).requires_grad_(), make()),
            lambda x, module: module(x).sum().backward(),
            lambda x, _, each=each: 2.5 * each * x.numel(),
        )
    losses: dict[str, tuple[nn.Module, float]] = {
        "KLDivLoss": (nn.KLDivLoss(reduction="batchmean"), 19),
        "MSELoss": (nn.MSELoss(), 3),
        "BCEWithLogitsLoss": (nn.BCEWithLogitsLoss(), 36),
        "CrossEntropyLoss": (nn.CrossEntropyLoss(), 22),
    }
    for name, (loss, each) in losses.items():
        yield Case(f"torch.nn.{name}", (f"torch.nn.{name}",), lambda n: _pair(n), loss, _first(each))
    yield Case(
        "torch.nn.Embedding",
        ("torch.nn.Embedding",),
        lambda n: (indices(30, n), nn.Embedding(30, W)),
        lambda i, module: module(i),
        lambda i, _: 4 * i.numel() * W,
    )
    yield Case(
        "torch.nn.EmbeddingBag",
        ("torch.nn.EmbeddingBag",),
        lambda n: (indices(30, n, 5), nn.EmbeddingBag(30, W)),
        lambda i, module: module(i),
        lambda i, _: 5 * i.numel() * W,
    )
    yield from _heads()


def _heads() -> Iterator[Case]:
    for form, (queries, keys, batch, fast) in {
        "": (1, 1, 2, False),
        "fast path": (1, 1, 2, True),
        "other keys": (1, 3, 2, False),
        "one sequence": (2, 2, 1, False),
    }.items():

        def work(q: Tensor, k: Tensor, *_: Any) -> float:
            tokens, others = q.numel() // W, k.numel() // W
            return 2 * W * W * (2 * tokens + 2 * others) + 4 * tokens * k.shape[-2] * W

        def call(q: Tensor, k: Tensor, module: nn.Module, fast: bool = fast) -> Any:
            with torch.set_grad_enabled(not fast):
                return module(q, k, k, need_weights=not fast)

        yield Case(
            f"torch.nn.MultiheadAttention: {form or 'plain'}",
            ("torch.nn.MultiheadAttention",),
            lambda n, queries=queries, keys=keys, batch=batch: (
                *((query := numbers(batch, queries * n, W)), query if keys == queries else numbers(batch, keys * n, W)),
                nn.MultiheadAttention(W, 4, batch_first=True).eval(),
            ),
            call,
            work,
            within=2,
        )


def cases() -> Iterator[Case]:
    """Yield layers, norms and losses in all forms."""
    for kind in (_functional, _modules):
        yield from accepted(kind())
