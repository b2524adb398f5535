"""Operations element by element: what one element of the broadcast output costs, in every form of the operands."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from istar.testing.operations.case import (
    FLOATS,
    INTEGERS,
    WIDTH,
    Case,
    accepted,
    backward,
    layouts,
    moving,
    numbers,
    spelt,
    together,
    types,
    weight,
)

UNARY: dict[int, str] = {
    1: "neg sign floor ceil round trunc frac relu logical_not isnan isinf nan_to_num reciprocal",
    16: "exp exp2 expm1 log log2 log10 log1p sqrt rsqrt square sin cos tan asin acos atan sinh cosh tanh erf erfc",
    # exp, add, divide
    18: "sigmoid",
}
"""Functions of `torch` of one operand, by the steps of one element: arithmetic 1, transcendental 16."""

BINARY: dict[int, str] = {
    1: "add sub mul div maximum minimum fmod remainder eq ne lt le gt ge logical_and logical_or logical_xor",
    16: "pow atan2",
    # largest, two differences, two exponentials, a sum, a logarithm, a sum
    53: "logaddexp",
    # two differences, two absolute values, a product, a sum, a comparison
    7: "isclose",
}

SPECIAL: dict[int, str] = {16: "erf erfinv ndtri log_ndtr", 17: "xlogy entr", 18: "expit logit", 20: "ndtr"}

FUNCTIONAL: dict[int, str] = {
    1: "relu hardtanh",
    2: "leaky_relu",
    16: "tanh",
    18: "sigmoid elu",
    19: "silu",
    20: "gelu",
    34: "softplus logsigmoid",
    53: "mish",
}

OPERATORS: dict[str, tuple[Callable[..., Any], int]] = {
    "+": (operator.add, 1),
    "-": (operator.sub, 1),
    "*": (operator.mul, 1),
    "/": (operator.truediv, 1),
    "//": (operator.floordiv, 2),
    "%": (operator.mod, 1),
    "**": (operator.pow, 16),
    "==": (operator.eq, 1),
    "!=": (operator.ne, 1),
    "<": (operator.lt, 1),
    "<=": (operator.le, 1),
    ">": (operator.gt, 1),
    ">=": (operator.ge, 1),
    "+=": (operator.iadd, 1),
    "-=": (operator.isub, 1),
    "*=": (operator.imul, 1),
    "/=": (operator.itruediv, 1),
    "**=": (operator.ipow, 16),
}

STAY_INTEGERS = frozenset(
    "abs neg sign floor ceil round trunc frac relu square nan_to_num add sub mul maximum minimum fmod remainder pow "
    "isclose hardtanh leaky_relu addcmul lerp "
    "+ - * // % ** += -= *= **= -x".split()
)
"""What is arithmetic on integers where the operands are; the others compare, or make float32 of them first."""


def of_elements(each: float, arithmetic: bool = True) -> Callable[..., float]:
    """Return the work of `each` a broadcast element, times what its type counts in arithmetic or in moving."""
    return lambda *operands: each * together(*operands) * (weight if arithmetic else moving)(*operands)


def broadcasts(case: Case, arity: int) -> Iterator[Case]:
    """Yield a case with the shapes of its operands changed, one after another."""
    shapes: dict[str, Callable[[int], tuple[int, ...]]] = {
        "one row": lambda size: (WIDTH,),
        "one column": lambda size: (size, 1),
        "one element": lambda size: (1,),
        "0-dim": lambda size: (),
        "batch": lambda size: (3, size, WIDTH),
        "batches": lambda size: (2, 3, size, WIDTH),
    }
    for place in range(arity):
        for form, shape in shapes.items():

            def operands(size: int, place: int = place, shape: Callable[..., tuple[int, ...]] = shape) -> Any:
                made = list(case.operands(size))
                made[place] = numbers(*shape(size))
                return tuple(made)

            yield replace(case, name=f"{case.name}: {form} as operand {place + 1}", operands=operands)
    if arity > 1:
        yield replace(
            case,
            name=f"{case.name}: column by row",
            operands=lambda size: (numbers(size, 1), numbers(WIDTH), *case.operands(size)[2:arity]),
        )
        yield replace(
            case,
            name=f"{case.name}: batches of both",
            operands=lambda size: (numbers(2, 1, size, WIDTH), numbers(3, size, WIDTH), *case.operands(size)[2:arity]),
        )


def pointwise(
    path: str, function: Callable[..., Any], arity: int, each: float, name: str | None = None
) -> Iterator[Case]:
    """Yield an operation of so many tensors in all forms."""
    plain = Case(
        name or path,
        (path,),
        lambda size: tuple(numbers(size, WIDTH) for _ in range(arity)),
        function,
        of_elements(each, path.rpartition(".")[2].removeprefix("operator ") in STAY_INTEGERS),
    )
    yield plain
    yield from layouts(plain)
    yield from types(plain, (*FLOATS, *INTEGERS, torch.bool))
    yield from broadcasts(plain, arity)
    yield backward(plain, 4.0 if path.endswith(("imum", "cos")) else 2.0)
    if path.startswith("torch.") and path.count(".") == 1:
        yield from spelt(plain, path.removeprefix("torch."), function, in_place=True)
    if arity == 2:
        yield replace(plain, name=f"{plain.name}: scalar", operands=lambda size: (numbers(size, WIDTH), 0.7))
        yield replace(plain, name=f"{plain.name}: scalar first", operands=lambda size: (0.7, numbers(size, WIDTH)))
        yield replace(
            plain,
            name=f"{plain.name}: int64 and float32",
            operands=lambda size: (torch.full((size, WIDTH), 3), numbers(size, WIDTH)),
            work=of_elements(each, False),
        )


def _table(home: Any, path: str, table: dict[int, str], arity: int) -> Iterator[Case]:
    for each, names in table.items():
        for name in names.split():
            yield from pointwise(f"{path}.{name}", getattr(home, name), arity, each)


def _bits(*operands: Any) -> int:
    dtype = next(each.dtype for each in operands if isinstance(each, torch.Tensor))
    return 1 if dtype is torch.bool else torch.iinfo(dtype).bits


def bitwise() -> Iterator[Case]:
    """Yield bitwise operations: one a bit."""
    named: dict[str, Callable[..., Any]] = {
        **{f"torch.bitwise_{name}": getattr(torch, f"bitwise_{name}") for name in ("and", "or", "xor")},
        "operator &": operator.and_,
        "operator |": operator.or_,
        "operator ^": operator.xor,
        "operator &=": operator.iand,
        "operator |=": operator.ior,
        "operator ^=": operator.ixor,
        "operator <<": operator.lshift,
        "operator >>": operator.rshift,
        "torch.bitwise_not": lambda first, _: torch.bitwise_not(first),
        "operator ~": lambda first, _: ~first,
    }
    for path, function in named.items():
        for dtype in (torch.int64, torch.int32, torch.int8, torch.uint8, torch.bool):
            plain = Case(
                f"{path}: {str(dtype).removeprefix('torch.')}",
                (path,),
                lambda size, dtype=dtype: (numbers(size, WIDTH, dtype=dtype), numbers(size, WIDTH, dtype=dtype)),
                function,
                lambda *operands: _bits(*operands) * together(*operands),
            )
            yield plain
            yield replace(
                plain,
                name=f"{plain.name}, one row",
                operands=lambda size, dtype=dtype: (numbers(3, size, WIDTH, dtype=dtype), numbers(WIDTH, dtype=dtype)),
            )
            if path.startswith("torch.") and path != "torch.bitwise_not":
                yield from (
                    replace(each, name=each.name.replace(": ", ", ").replace(", ", ": ", 1))
                    for each in spelt(plain, path.removeprefix("torch."), function, in_place=True)
                )
    yield Case(
        "operator <<: int64, a number",
        (),
        lambda size: (numbers(size, WIDTH, dtype=torch.int64), 3),
        operator.lshift,
        lambda first, _: 64 * first.numel(),
    )


def _modulus_steps(values: torch.Tensor, real: Callable[..., float]) -> float:
    """Return two squares, a sum and a root for each complex number, and what real ones count."""
    return (2 + 1 + 16) * weight(values) / 4 * values.numel() if values.is_complex() else real(values)


def _further() -> Iterator[Case]:
    for name in ("clamp", "clip"):
        function = getattr(torch, name)
        yield from pointwise(f"torch.{name}", lambda first, function=function: function(first, 0.3, 0.6), 1, 2)
        yield from pointwise(f"torch.{name}", function, 3, 2, name=f"torch.{name} between tensors")
        yield Case(
            f"torch.{name}: one element between many",
            (f"Tensor.{name}", f"Tensor.{name}_"),
            lambda size: (numbers(1), numbers(size, WIDTH)),
            lambda first, low: getattr(first, name)(low, None),  # noqa: B023
            of_elements(1, False),
        )
    for name in ("addcmul", "addcdiv", "lerp"):
        yield from pointwise(f"torch.{name}", getattr(torch, name), 3, 3)
    yield from pointwise("torch.add", lambda a, b: torch.add(a, b, alpha=0.3), 2, 2, name="torch.add with alpha")
    yield from pointwise("torch.lerp", lambda a, b: torch.lerp(a, b, 0.3), 2, 3, name="torch.lerp by a number")
    yield from pointwise("torch.where", lambda a, b, c: torch.where(a > 0.5, b, c), 3, 2)
    yield from pointwise("Tensor.where", lambda a, b, c: b.where(a > 0.5, c), 3, 2)
    yield from pointwise("torch.masked_fill", lambda a, b: torch.masked_fill(a, b > 0.5, 0.1), 2, 2)
    yield from pointwise("Tensor.masked_fill_", lambda a, b: a.masked_fill_(b > 0.5, 0.1), 2, 2)
    for name, (function, each) in OPERATORS.items():
        yield from pointwise(f"operator {name}", function, 2, each)
    # equal to itself, and to neither infinity; integers always are
    finite = Case(
        "torch.isfinite",
        ("torch.isfinite", "Tensor.isfinite"),
        lambda size: (numbers(size, WIDTH),),
        torch.isfinite,
        of_elements(3, False),
    )
    yield finite
    yield from layouts(finite)
    yield from types(finite, FLOATS)
    yield from pointwise("operator -x", operator.neg, 1, 1)
    for path, function in (("torch.abs", torch.abs), ("operator abs", abs)):
        for case in pointwise(path, function, 1, 1):
            yield replace(case, work=lambda values, real=case.work: _modulus_steps(values, real))
    yield from pointwise("torch.nn.functional.dropout", lambda x: F.dropout(x, 0.3, training=True), 1, 18)
    yield from pointwise("torch.special.xlogy", torch.special.xlogy, 2, 17)


ALIASES: dict[str, tuple[int, int]] = {
    **dict.fromkeys("absolute negative positive clamp_min clamp_max".split(), (1, 1)),
    **dict.fromkeys(
        "subtract multiply divide true_divide greater greater_equal less less_equal not_equal".split(), (2, 1)
    ),
    "floor_divide": (2, 1),
    "arctan2": (2, 16),
}
"""Other names of the same among methods, with the number of operands and the steps."""


def methods() -> Iterator[Case]:
    """Yield what is a method by another name, or in place alone."""
    for name, (arity, each) in ALIASES.items():
        for written in (name, f"{name}_"):
            if not hasattr(torch.Tensor, written) or name == "positive":
                continue
            bound = (0.4,) if name.startswith("clamp") else ()
            yield Case(
                f"Tensor.{written}",
                (f"Tensor.{written}",),
                lambda size, arity=arity: tuple(numbers(size, WIDTH) for _ in range(arity)),
                lambda first, *rest, written=written, bound=bound: getattr(first, written)(*rest, *bound),
                of_elements(each),
            )
    for written in ("bitwise_not", "bitwise_not_"):
        yield Case(
            f"Tensor.{written}",
            (f"Tensor.{written}",),
            lambda size: (numbers(size, WIDTH, dtype=torch.int64),),
            lambda first, written=written: getattr(first, written)(),
            lambda first: 64 * first.numel(),
        )
    yield from pointwise("Tensor.masked_fill", lambda a, b: a.masked_fill(b > 0.5, 0.1), 2, 2)
    yield from pointwise(
        "Tensor.float_power", lambda a, b: a.float_power(b), 2, 32, name="Tensor.float_power: as float64"
    )


def cases() -> Iterator[Case]:
    """Yield all operations element by element in all forms that torch takes."""
    special = {each: " ".join(name for name in names.split() if name != "xlogy") for each, names in SPECIAL.items()}
    yield from accepted(_table(torch, "torch", UNARY, 1))
    yield from accepted(_table(torch, "torch", BINARY, 2))
    yield from accepted(_table(torch.special, "torch.special", special, 1))
    yield from accepted(_table(F, "torch.nn.functional", FUNCTIONAL, 1))
    yield from accepted(_further())
    yield from accepted(methods())
    yield from accepted(bitwise())
