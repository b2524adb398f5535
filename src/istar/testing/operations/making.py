"""Numbers that are made: random ones, ranges, and Fourier transforms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import log2
from typing import Any

import torch
from torch import Tensor, nn

from istar.testing.operations.case import Case, accepted, forms, numbers

W = 24


def _fourier(points: int, length: int, kind: float = 5) -> float:
    return kind * points * log2(max(2, length))


def _transforms() -> Iterator[Case]:
    calls: dict[str, tuple[Callable[..., Any], float]] = {
        "fft": (torch.fft.fft, 1),
        "ifft": (torch.fft.ifft, 1),
        "rfft": (torch.fft.rfft, 0.5),
        "irfft": (torch.fft.irfft, 1),
    }
    for name, (call, share) in calls.items():
        shapes = {
            "": (lambda n: (n, 64), -1, None),
            "first axis": (lambda n: (8 * n, 24), 0, None),
            "padded": (lambda n: (n, 64), -1, 1024),
            "one element, padded": (lambda n: (1,), -1, 4096),
            "cut": (lambda n: (n, 512), -1, 32),
        }
        for form, (shape, axis, length) in shapes.items():

            def work(
                x: Tensor, axis: int = axis, length: Any = length, share: float = share, name: str = name
            ) -> float:
                extent = length or (2 * (x.shape[axis] - 1) if name == "irfft" else x.shape[axis])
                others = x.numel() // x.shape[axis]
                double = 2 if x.dtype is torch.float64 else 1
                return share * _fourier(others * extent, extent) * double

            case = Case(
                f"torch.fft.{name}: {form}" if form else f"torch.fft.{name}",
                (f"torch.fft.{name}",),
                lambda n, shape=shape: (numbers(*shape(n)),),
                lambda x, call=call, axis=axis, length=length: call(x, length, axis),
                work,
            )
            yield from forms(case, (torch.float64,), times=2.0)
    for name, share in {"fftfreq": 2, "rfftfreq": 1}.items():
        yield Case(
            f"torch.fft.{name}",
            (f"torch.fft.{name}",),
            lambda n: (100 * n,),
            getattr(torch.fft, name),
            lambda n, share=share: share * n,
        )


RANDOM: dict[str, Callable[[int], Any]] = {
    "torch.rand": lambda n: torch.rand(n, W),
    "torch.rand: a type": lambda n: torch.rand((n, W), dtype=torch.float16),
    "torch.randn": lambda n: torch.randn(n, W),
    "torch.rand_like": lambda n: torch.rand_like(torch.empty(n, W)),
    "torch.randn_like": lambda n: torch.randn_like(torch.empty(n, W)),
    "torch.rand_like: zero strides": lambda n: torch.rand_like(torch.empty(1).expand(n, W)),
    "torch.randint": lambda n: torch.randint(9, (n, W)),
    "torch.randint: low": lambda n: torch.randint(2, 9, (n, W)),
    "torch.randperm": lambda n: torch.randperm(n * W),
    "torch.normal": lambda n: torch.normal(0.0, 1.0, (n, W)),
    "torch.normal: means": lambda n: torch.normal(torch.empty(1).fill_(0.5).expand(n, W), 1.0),
    "torch.normal: one mean, many deviations": lambda n: torch.normal(torch.zeros(1), torch.ones(n, W)),
    "torch.normal: many means, one deviation": lambda n: torch.normal(torch.zeros(n, W), torch.ones(1)),
    "torch.normal: a number, many deviations": lambda n: torch.normal(0.5, torch.ones(n, W)),
    "torch.bernoulli": lambda n: torch.bernoulli(torch.full((n, W), 0.5)),
    "Tensor.bernoulli": lambda n: torch.full((n, W), 0.5).bernoulli(),
    "Tensor.bernoulli_": lambda n: torch.empty(n, W).bernoulli_(0.3),
    "Tensor.bernoulli_: of one element": lambda n: torch.empty(n, W).bernoulli_(torch.full((1,), 0.3)),
    "Tensor.uniform_": lambda n: torch.empty(n, W).uniform_(),
    "Tensor.normal_": lambda n: torch.empty(n, W).normal_(),
    "Tensor.random_": lambda n: torch.empty(n, W).random_(),
    "Tensor.exponential_": lambda n: torch.empty(n, W).exponential_(),
    "torch.nn.init.uniform_": lambda n: nn.init.uniform_(torch.empty(n, W)),
    "torch.nn.init.normal_": lambda n: nn.init.normal_(torch.empty(n, W)),
    "torch.nn.init.trunc_normal_": lambda n: nn.init.trunc_normal_(torch.empty(n, W)),
    "torch.nn.init.xavier_uniform_": lambda n: nn.init.xavier_uniform_(torch.empty(n, W)),
    "torch.nn.init.xavier_normal_": lambda n: nn.init.xavier_normal_(torch.empty(n, W)),
    "torch.nn.init.kaiming_uniform_": lambda n: nn.init.kaiming_uniform_(torch.empty(n, W)),
    "torch.nn.init.kaiming_normal_": lambda n: nn.init.kaiming_normal_(torch.empty(n, W)),
}
"""Sixteen an element."""

STEPS: dict[str, tuple[Callable[[int], Any], Callable[[int], float]]] = {
    "torch.arange": (lambda n: torch.arange(n * W), lambda n: n * W),
    "torch.arange: a step": (lambda n: torch.arange(0.0, n, 1 / W), lambda n: n * W),
    "torch.arange: backwards": (lambda n: torch.arange(n * W, 0, -2), lambda n: n * W / 2),
    "torch.linspace": (lambda n: torch.linspace(0, 1, n * W), lambda n: n * W),
    "torch.logspace": (lambda n: torch.logspace(0, 1, n * W), lambda n: 16 * n * W),
    "torch.tril_indices": (lambda n: torch.tril_indices(5 * n, 5 * n), lambda n: 25 * n * n),
    "torch.triu_indices": (lambda n: torch.triu_indices(5 * n, 5 * n), lambda n: 25 * n * n),
    "torch.nn.init.zeros_": (lambda n: nn.init.zeros_(torch.empty(n, W)), lambda n: n * W),
    "torch.nn.init.ones_": (lambda n: nn.init.ones_(torch.empty(n, W)), lambda n: n * W),
    "torch.nn.init.constant_": (lambda n: nn.init.constant_(torch.empty(n, W), 0.5), lambda n: n * W),
    # normal numbers and the orthogonal factor of n columns
    "torch.nn.init.orthogonal_": (
        lambda n: nn.init.orthogonal_(torch.empty(4 * n, 4 * n)),
        lambda n: 16 * 16 * n * n + 8 / 3 * 64 * n**3,
    ),
    "torch.multinomial": (
        lambda n: torch.multinomial(torch.full((n, W), 0.5), 3),
        lambda n: 16 * n * W,
    ),
    "torch.multinomial: many draws": (
        lambda n: torch.multinomial(torch.full((2,), 0.5), 300 * n, replacement=True),
        lambda n: 16 * 300 * n,
    ),
    "Tensor.multinomial: many draws": (
        lambda n: torch.full((3, 2), 0.5).multinomial(300 * n, replacement=True),
        lambda n: 16 * 900 * n,
    ),
}


def _made() -> Iterator[Case]:
    for name, call in RANDOM.items():
        yield Case(name, (name.partition(":")[0],), lambda n: (n,), call, lambda n: 16 * n * W)
    for name, (call, work) in STEPS.items():
        yield Case(name, (name.partition(":")[0],), lambda n: (n,), call, work)


def cases() -> Iterator[Case]:
    """Yield transforms, random numbers and ranges in all forms."""
    for kind in (_transforms, _made):
        yield from accepted(kind())
