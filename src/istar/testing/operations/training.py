"""Steps of optimisers, and gradients of functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from istar.testing.operations.case import Case, accepted, numbers, tensors

W = 24


def _whole(size: int) -> Tensor:
    return numbers(size, W)


def _optimisers() -> Iterator[Case]:
    # steps of one parameter, by the papers: moments, corrections, roots, weight decay
    each: dict[str, tuple[Callable[..., Any], float]] = {
        "SGD": (lambda p: torch.optim.SGD(p, 0.1), 2),
        "SGD: momentum": (lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.1, nesterov=True), 8),
        "Adam": (lambda p: torch.optim.Adam(p, 0.1), 31),
        "Adam: amsgrad": (lambda p: torch.optim.Adam(p, 0.1, amsgrad=True), 33),
        "Adam: one by one": (lambda p: torch.optim.Adam(p, 0.1, foreach=False), 31),
        "Adam: all at once": (lambda p: torch.optim.Adam(p, 0.1, foreach=True), 31),
        "Adam: fused": (lambda p: torch.optim.Adam(p, 0.1, fused=True), 31),
        "AdamW": (lambda p: torch.optim.AdamW(p, 0.1), 33),
        "AdamW: fused": (lambda p: torch.optim.AdamW(p, 0.1, fused=True), 33),
        "SGD: fused": (lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, fused=True), 6),
        "SGD: all at once": (lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, foreach=True), 4),
        "Adagrad": (lambda p: torch.optim.Adagrad(p, 0.1), 22),
        "Adagrad: fused": (lambda p: torch.optim.Adagrad(p, 0.1, fused=True), 22),
        "Adagrad: all at once": (lambda p: torch.optim.Adagrad(p, 0.1, foreach=True), 22),
        "RMSprop": (lambda p: torch.optim.RMSprop(p, 0.1), 24),
        "RMSprop: all at once": (lambda p: torch.optim.RMSprop(p, 0.1, foreach=True, momentum=0.9, centered=True), 30),
    }
    for name, (make, steps) in each.items():

        def operands(n: int, make: Callable[..., Any] = make) -> tuple[Any, ...]:
            parameters = [nn.Parameter(_whole(4 * n)), nn.Parameter(numbers(W))]
            for parameter in parameters:
                parameter.grad = numbers(*parameter.shape)
            optimiser = make(parameters)
            optimiser.step()
            return (*parameters, optimiser)

        yield Case(
            f"torch.optim.{name}",
            (f"torch.optim.{name.partition(':')[0]}",),
            operands,
            lambda *parts: parts[-1].step(),
            lambda *parts, steps=steps: steps * sum(each.numel() for each in tensors(parts)),
        )

    def searched(first: Tensor, optimiser: Any) -> Any:
        def closure() -> Tensor:
            optimiser.zero_grad()
            loss = (first * first).sum()
            loss.backward()
            return loss

        return optimiser.step(closure)

    yield Case(
        "torch.optim.LBFGS",
        ("torch.optim.LBFGS",),
        lambda n: ((parameter := nn.Parameter(_whole(4 * n))), torch.optim.LBFGS([parameter], max_iter=1)),
        searched,
        # the loss and its gradient, the direction and the step
        lambda first, _: 12 * first.numel(),
    )


def _transformed() -> Iterator[Case]:
    matrix = lambda n: (numbers(n, n), numbers(n, n))  # noqa: E731

    def square(a: Tensor, b: Tensor) -> Tensor:
        return a @ b

    def total(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b).sum()

    product = lambda a, b: 2 * a.shape[0] ** 3  # noqa: E731
    times: dict[str, tuple[Callable[..., Any], Callable[[Tensor, Tensor], float]]] = {
        "torch.func.grad": (lambda a, b: torch.func.grad(total, (0, 1))(a, b), lambda a, b: 3 * product(a, b)),
        "torch.func.grad_and_value": (
            lambda a, b: torch.func.grad_and_value(total, (0, 1))(a, b),
            lambda a, b: 3 * product(a, b),
        ),
        "torch.func.vjp": (
            lambda a, b: torch.func.vjp(square, a, b)[1](a),
            lambda a, b: 3 * product(a, b),
        ),
        "torch.func.jvp": (lambda a, b: torch.func.jvp(square, (a, b), (b, a)), lambda a, b: 3 * product(a, b)),
        "torch.func.jacrev": (
            lambda a, b: torch.func.jacrev(lambda x: x @ b)(a),
            lambda a, b: a.numel() * product(a, b),
        ),
        "torch.func.jacfwd": (
            lambda a, b: torch.func.jacfwd(lambda x: x @ b)(a),
            lambda a, b: a.numel() * product(a, b),
        ),
        "torch.func.hessian": (
            lambda a, b: torch.func.hessian(lambda x: ((x @ b) ** 2).sum())(a),
            lambda a, b: 4 * a.numel() * product(a, b),
        ),
        "torch.func.vmap": (
            lambda a, b: torch.func.vmap(torch.matmul, (None, 0))(a, b.expand(7, *b.shape)),
            lambda a, b: 7 * product(a, b),
        ),
        "torch.func.vmap: over rows": (lambda a, b: torch.func.vmap(lambda x: x @ b)(a), product),
        "torch.func.vmap: of two": (
            lambda a, b: torch.func.vmap(torch.func.vmap(torch.dot, (None, 1)), (0, None))(a, b),
            product,
        ),
        "torch.func.linearize": (
            lambda a, b: torch.func.linearize(lambda x: x @ b, a)[1](a),
            lambda a, b: 2 * product(a, b),
        ),
        "torch.autograd.grad": (
            lambda a, b: torch.autograd.grad(total(a.requires_grad_(), b.requires_grad_()), (a, b)),
            lambda a, b: 3 * product(a, b),
        ),
        "torch.autograd.grad: a batch of gradients": (
            lambda a, b: torch.autograd.grad(a.requires_grad_() @ b, a, torch.ones(5, *a.shape), is_grads_batched=True),
            lambda a, b: 6 * product(a, b),
        ),
        "torch.autograd.grad: twice": (
            lambda a, b: torch.autograd.grad(
                torch.autograd.grad(((a.requires_grad_() @ b) ** 2).sum(), a, create_graph=True)[0].sum(), a
            ),
            lambda a, b: 4 * product(a, b),
        ),
        "Tensor.backward": (
            lambda a, b: total(a.requires_grad_(), b.requires_grad_()).backward(),
            lambda a, b: 3 * product(a, b),
        ),
    }
    for name, (call, work) in times.items():
        yield Case(name, (name.partition(":")[0],), matrix, call, work, size=24)


def cases() -> Iterator[Case]:
    """Yield steps of optimisers and gradients in all forms."""
    for kind in (_optimisers, _transformed):
        yield from accepted(kind())
