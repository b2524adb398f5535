"""Products of matrices, in every spelling: each multiply-add of the definition counts two, exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import prod
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from istar.testing.operations.case import (
    FLOATS,
    INTEGERS,
    Case,
    accepted,
    backward,
    batches,
    layouts,
    moving,
    numbers,
    spelt,
    types,
    weight,
)


def product_flops(left: Tensor, right: Tensor, *_: Any) -> int:
    """Return 2mnk for each pair of matrices; a vector is a matrix of one row or column."""
    left = left if left.dim() > 1 else left[None]
    right = right if right.dim() > 1 else right[:, None]
    rows, inner = left.shape[-2:]
    return 2 * rows * inner * right.shape[-1] * batches(left, right) * weight(left, right)


Shapes = dict[str, tuple[Callable[..., tuple[int, ...]], ...]]

STACKS: Shapes = {
    "": (lambda n: (n, n + 1), lambda n: (n + 1, n + 2)),
    "batch by matrix": (lambda n: (3, n, n + 1), lambda n: (n + 1, n + 2)),
    "matrix by batch": (lambda n: (n, n + 1), lambda n: (3, n + 1, n + 2)),
    "batch by batch": (lambda n: (3, n, n + 1), lambda n: (3, n + 1, n + 2)),
    "batches of both": (lambda n: (2, 1, n, n + 1), lambda n: (3, n + 1, n + 2)),
    "one for a batch": (lambda n: (1, n, n + 1), lambda n: (5, n + 1, n + 2)),
    "batch by vector": (lambda n: (3, n, n + 1), lambda n: (n + 1,)),
    "vector by batch": (lambda n: (n,), lambda n: (3, n, n + 1)),
    "matrix by vector": (lambda n: (n, n + 1), lambda n: (n + 1,)),
    "vector by matrix": (lambda n: (n,), lambda n: (n, n + 1)),
    "vector by vector": (lambda n: (n,), lambda n: (n,)),
    "row by matrix": (lambda n: (1, n), lambda n: (n, n)),
    "matrix by column": (lambda n: (n, n), lambda n: (n, 1)),
    "column by row": (lambda n: (n, 1), lambda n: (1, n)),
}


def _exact(
    path: str,
    function: Callable[..., Any],
    shapes: Shapes,
    work: Callable[..., float] = product_flops,
    within: float = 1,
) -> Iterator[Case]:
    for form, parts in shapes.items():
        case = Case(
            f"{path}: {form}" if form else path,
            (path,),
            lambda size, parts=parts: tuple(numbers(*part(size)) for part in parts),
            function,
            work,
            # torch copies a stack that is broadcast
            within=max(within, 1.2) if form == "batches of both" else within,
        )
        yield case
        yield from layouts(replace(case, within=max(within, 2.0)))
        yield from types(case, (*FLOATS, *INTEGERS))
        yield backward(replace(case, within=max(within, 2.0)))
        if form in ("", "vector by vector", "matrix by vector", "batch by batch") and path.startswith("torch."):
            yield from spelt(replace(case, within=max(within, 1.2)), path.rpartition(".")[2], function, in_place=True)


def _only(*forms: str) -> Shapes:
    return {form if form in ("", *forms[1:]) else "": STACKS[form] for form in forms}


def plain() -> Iterator[Case]:
    """Yield products of two operands."""
    yield from _exact("torch.matmul", torch.matmul, STACKS)
    yield from _exact("operator @", lambda left, right: left @ right, STACKS)
    yield from _exact("torch.mm", torch.mm, _only(""))
    yield from _exact("torch.bmm", torch.bmm, {"": STACKS["batch by batch"]})
    yield from _exact("torch.mv", torch.mv, {"": STACKS["matrix by vector"]})
    for name in ("dot", "inner", "vdot"):
        if hasattr(torch, name):
            yield from _exact(f"torch.{name}", getattr(torch, name), {"": STACKS["vector by vector"]})
    yield from _exact(
        "torch.inner",
        torch.inner,
        {"matrices": (lambda n: (n, n + 1), lambda n: (n + 2, n + 1))},
        lambda left, right: product_flops(left, right.mT),
    )
    yield from _exact(
        "torch.nn.functional.linear",
        F.linear,
        {
            "": (lambda n: (n, n + 1), lambda n: (n + 2, n + 1)),
            "batches": (lambda n: (2, 3, n, n + 1), lambda n: (n + 2, n + 1)),
            "one vector": (lambda n: (n + 1,), lambda n: (n + 2, n + 1)),
        },
        lambda source, weights: product_flops(source, weights.mT),
    )
    yield from _exact(
        "torch.nn.functional.linear",
        F.linear,
        {"bias": (lambda n: (2, n, n + 1), lambda n: (n + 2, n + 1), lambda n: (n + 2,))},
        lambda source, weights, bias: product_flops(source, weights.mT),
        within=1.5,
    )
    yield from _exact("torch.tensordot", lambda a, b: torch.tensordot(a, b, 1), _only(""))
    yield from _exact(
        "torch.tensordot",
        lambda a, b: torch.tensordot(a, b, ([0, 2], [1, 0])),
        {"two axes": (lambda n: (n, 3, 4), lambda n: (4, n, 5))},
        lambda a, b: 2 * a.numel() * 5 * weight(a),
        within=1.5,
    )
    yield from _exact("torch.linalg.multi_dot", lambda a, b: torch.linalg.multi_dot([a, b]), _only(""))
    yield from _exact(
        "torch.linalg.multi_dot",
        lambda *parts: torch.linalg.multi_dot(parts),
        {"three": (lambda n: (n, n), lambda n: (n, n), lambda n: (n, 2))},
        # the cheaper order: from the right
        lambda a, b, c: 2 * (product_flops(b, c)),
    )
    sums: dict[str, tuple[str, Shapes, Callable[..., float]]] = {
        "": ("ij,jk->ik", _only(""), product_flops),
        "batch by batch": ("bij,bjk->bik", {"": STACKS["batch by batch"]}, product_flops),
        "batch by matrix": ("bij,jk->bik", {"": STACKS["batch by matrix"]}, product_flops),
        "many names": (
            "aij,bjk->abik",
            {"": (lambda n: (2, n, n), lambda n: (3, n, n))},
            lambda a, b: 2 * a.numel() * 3 * a.shape[-1] * weight(a),
        ),
        "vector by vector": ("i,i->", {"": STACKS["vector by vector"]}, product_flops),
        "outer": ("i,j->ij", {"": STACKS["vector by vector"]}, lambda a, b: 2 * a.numel() * b.numel() * weight(a)),
    }
    for form, (text, shapes, work) in sums.items():
        for case in _exact(
            "torch.einsum", lambda *parts, text=text: torch.einsum(text, *parts), shapes, work, within=2
        ):
            yield replace(
                case, name=case.name.replace("torch.einsum", f"torch.einsum: {form}", 1) if form else case.name
            )


def added() -> Iterator[Case]:
    """Yield products that are added to something, which fused multiply-adds do for nothing."""

    def rest(_: Tensor, *operands: Tensor) -> float:
        return product_flops(*operands)

    square = lambda n: (n, n)  # noqa: E731
    stack = lambda n: (3, n, n)  # noqa: E731
    forms: dict[str, Shapes] = {
        "addmm": {
            "": (square, square, square),
            "row": (lambda n: (n,), square, square),
            "one element": (lambda n: (1,), square, square),
        },
        "baddbmm": {
            "": (stack, stack, stack),
            "matrix": (square, stack, stack),
            "one element": (lambda n: (1,), stack, stack),
        },
        "addbmm": {"": (square, stack, stack)},
        "addmv": {
            "": (lambda n: (n,), square, lambda n: (n,)),
            "one element": (lambda n: (1,), square, lambda n: (n,)),
        },
    }
    for name, shapes in forms.items():
        function = getattr(torch, name)
        yield from _exact(f"torch.{name}", function, shapes, rest, within=1.5)
        yield from _exact(
            f"torch.{name}",
            lambda *parts, function=function: function(*parts, beta=0.5, alpha=0.3),
            {"alpha and beta": shapes[""]},
            rest,
            within=2,
        )
    yield from _exact(
        "torch.addr",
        torch.addr,
        {"": (square, lambda n: (n,), lambda n: (n,)), "one element": (lambda n: (1,), lambda n: (n,), lambda n: (n,))},
        lambda first, a, b: 2 * a.numel() * b.numel() * weight(a),
        within=2,
    )


def products_of_all_pairs() -> Iterator[Case]:
    """Yield outer products, Kronecker products and distances: one step a pair, and coordinate."""
    vectors: Shapes = {"": (lambda n: (n,), lambda n: (n + 1,))}
    pairs: Callable[..., float] = lambda a, b: a.numel() * b.numel() * weight(a)  # noqa: E731
    for name in ("outer", "ger", "kron"):
        if hasattr(torch, name):
            yield from _exact(f"torch.{name}", getattr(torch, name), vectors, pairs, within=2)
    yield from _exact("torch.kron", torch.kron, {"matrices": (lambda n: (n, 2), lambda n: (3, n))}, pairs, within=2)
    points: Shapes = {
        "": (lambda n: (n, 5), lambda n: (n + 1, 5)),
        "many points": (lambda n: (5 * n, 5), lambda n: (6 * n, 5)),
        "batch": (lambda n: (3, n, 5), lambda n: (3, n + 1, 5)),
        "one by batch": (lambda n: (n, 5), lambda n: (7, n + 1, 5)),
        "batch by one": (lambda n: (7, n, 5), lambda n: (n + 1, 5)),
        "batches of both": (lambda n: (7, 1, n, 5), lambda n: (8, n + 1, 5)),
    }

    def distances(a: Tensor, b: Tensor, each: int) -> float:
        return each * a.shape[-2] * b.shape[-2] * a.shape[-1] * batches(a, b) * weight(a)

    for power, each in ((2.0, 3), (1.0, 3), (float("inf"), 3), (0.0, 3), (3.0, 18), (0.5, 18), (1.7, 18)):
        for mode in ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"):
            if power != 2 and mode != "use_mm_for_euclid_dist":
                continue
            manner = {"use_mm_for_euclid_dist_if_necessary": "either", "use_mm_for_euclid_dist": "product"}
            for case in _exact(
                "torch.cdist",
                lambda a, b, power=power, mode=mode: torch.cdist(a, b, power, mode),
                points,
                lambda a, b, each=each: distances(a, b, each),
                within=3,
            ):
                yield replace(
                    case,
                    name=case.name.replace("torch.cdist", f"torch.cdist: p = {power}, {manner.get(mode, 'pairs')}", 1),
                )
    table: Shapes = {"": (lambda n: (n, 3 * n),)}
    gram = lambda rows: 2 * rows.shape[0] ** 2 * rows.shape[1] * moving(rows)  # noqa: E731
    for name in ("cov", "corrcoef"):
        yield from _exact(f"torch.{name}", getattr(torch, name), table, gram, within=3)


def convolutions() -> Iterator[Case]:
    """Yield convolutions: two for each output and each weight that reaches it."""

    def work(source: Tensor, kernel: Tensor, **options: Any) -> float:
        with torch.utils._python_dispatch._disable_current_modes():
            output = F.conv1d(source.float(), kernel.float(), **options)
        return 2 * output.numel() * prod(kernel.shape[1:]) * weight(source)

    options: dict[str, dict[str, Any]] = {
        "": {},
        "stride": {"stride": 2},
        "padding": {"padding": 1},
        "same": {"padding": "same"},
        "dilation": {"dilation": 2},
        "groups": {"groups": 2},
    }
    for form, chosen in options.items():
        groups = chosen.get("groups", 1)
        yield from _exact(
            "torch.nn.functional.conv1d",
            lambda a, b, chosen=chosen: F.conv1d(a, b, **chosen),
            {form: (lambda n: (2, 4, 3 * n), lambda n, groups=groups: (6, 4 // groups, 3))},
            lambda a, b, chosen=chosen: work(a, b, **chosen),
            within=1.2,
        )
    yield from _exact(
        "torch.nn.functional.conv1d",
        F.conv1d,
        {
            "as a product": (lambda n: (1, n, n), lambda n: (n, n, 1)),
            "bias": (lambda n: (2, 4, 3 * n), lambda n: (6, 4, 3), lambda n: (6,)),
            "without a batch": (lambda n: (4, 3 * n), lambda n: (6, 4, 3)),
        },
        lambda a, b, *_: work(a, b),
        within=1.2,
    )


def _attention_flops(query: Tensor, key: Tensor, value: Tensor, *_: Any) -> float:
    rows, width = query.shape[-2:]
    stack = batches(query, key) if query.shape[-3] >= key.shape[-3] else batches(key)
    return 2 * rows * key.shape[-2] * (width + value.shape[-1]) * stack * weight(query)


def attention() -> Iterator[Case]:
    """Yield attention: scores and their product with the values; softmax and masks on top."""
    heads = (lambda n: (2, 3, n, 16), lambda n: (2, 3, 2 * n, 16), lambda n: (2, 3, 2 * n, 16))
    square = (lambda n: (2, 3, n, 16),) * 3
    shared = (lambda n: (2, 4, n, 16), lambda n: (2, 2, n, 16), lambda n: (2, 2, n, 16))
    path = "torch.nn.functional.scaled_dot_product_attention"
    function = F.scaled_dot_product_attention
    options: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
        "": (heads, {}),
        "causal": (square, {"is_causal": True}),
        "dropout": (square, {"dropout_p": 0.1}),
        "scale": (square, {"scale": 0.3}),
        "shared heads": (shared, {"enable_gqa": True}),
        "one head for all": ((lambda n: (2, 4, n, 16), *((lambda n: (2, 1, n, 16),) * 2)), {}),
        "keys of a batch": ((lambda n: (1, 1, n, 16), *((lambda n: (3, 4, n, 16),) * 2)), {}),
    }
    for form, (shapes, chosen) in options.items():
        yield from _exact(
            path,
            lambda *parts, chosen=chosen: function(*parts, **chosen),
            {form: shapes},
            lambda q, k, v: 2 * q.shape[-2] * k.shape[-2] * 32 * max(batches(q), batches(k)) * weight(q),
            within=4,
        )
    yield Case(
        f"{path}: a mask",
        (path,),
        lambda n: (*(numbers(2, 3, n, 16) for _ in range(3)), torch.rand(n, n) > 0.3),
        lambda q, k, v, mask: function(q, k, v, attn_mask=mask),
        _attention_flops,
    )


def cases() -> Iterator[Case]:
    """Yield all products in all spellings and forms."""
    for kind in (plain, added, products_of_all_pairs, convolutions, attention):
        yield from accepted(kind())
