"""A calculator for an agent: expressions over arrays, of a small language, every operation of which is metered.

An expression is a tree of numbers, names, operators, subscripts and calls of the functions listed here, and nothing
else: no attribute, text, loop or definition. So it ends, and how large its results are is known before they are made.
Numbers are float64 throughout, as the statistician's are.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, TypeAlias

import torch
from torch import Tensor

from istar.errors import IstarError
from istar.flops import Meter
from istar.parsing import parsed

LONGEST_EXPRESSION = 2_000
"""Characters of an expression."""
MOST_NODES = 300
"""Nodes of its tree."""
MOST_NUMBERS = 2**20
"""Numbers of any array that it makes on its way."""
LARGEST_SYSTEM = 512
"""Unknowns of a system of equations."""

Own: TypeAlias = Callable[[Tensor, Meter], Tensor]
"""A function of one array that charges what it takes to the meter."""


class CalculatorError(IstarError):
    """An expression that cannot be computed; the message says what is wrong with it."""


def compute(expression: str, names: Mapping[str, Tensor], own: Mapping[str, Own], meter: Meter) -> Tensor:
    """Return what an expression gives.

    Args:
        expression: see the module's docstring.
        names: arrays that it may name; they are not changed.
        own: functions of one array that it may call besides `FUNCTIONS`.
        meter: counts what it takes, also of one that fails on the way.

    Raises:
        CalculatorError: it is not of the language, does not fit the arrays, or is too large.
        BudgetExceededError: it takes more than the meter's budget.
    """
    if len(expression) > LONGEST_EXPRESSION:
        raise CalculatorError(f"the expression has {len(expression)} characters, and {LONGEST_EXPRESSION} is the most")
    try:
        body = parsed(expression.strip(), "<expression>").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise CalculatorError(f"this is no expression: {error}") from None
    if len(body) != 1 or not isinstance(body[0], ast.Expr):
        raise CalculatorError("give one expression, and no statement; to keep its result, give it a name")
    if sum(1 for _ in ast.walk(body[0])) > MOST_NODES:
        raise CalculatorError(f"the expression has more than {MOST_NODES} parts; compute it in steps")
    try:
        with torch.no_grad(), meter:
            return _Evaluation(names, own, meter).value(body[0].value)
    except (RuntimeError, LookupError, ValueError, TypeError, ArithmeticError) as error:
        first = str(error).partition("\n")[0]
        raise CalculatorError(f"this cannot be computed: {first:.300}") from None


class _Evaluation:
    """The evaluation of one expression."""

    def __init__(self, names: Mapping[str, Tensor], own: Mapping[str, Own], meter: Meter) -> None:
        self._names, self._own, self._meter = names, own, meter

    def value(self, node: ast.expr) -> Tensor:
        """Return what a node gives; see `compute` for the errors."""
        part = _Evaluation.PARTS.get(type(node))
        if part is None:
            raise CalculatorError(
                f"{type(node).__name__} is not of the calculator's language: numbers, names, + - * / // % ** @, "
                "comparisons, & | ~, subscripts, lists and functions"
            )
        return part(self, node)

    def _constant(self, node: ast.Constant) -> Tensor:
        return _number(node.value)

    def _named(self, node: ast.Name) -> Tensor:
        if node.id not in self._names:
            raise CalculatorError(f"nothing is called {node.id!r:.60}; there are {', '.join(self._names)}")
        return self._names[node.id]

    def _list(self, node: ast.List | ast.Tuple) -> Tensor:
        return _stacked([self.value(each) for each in node.elts])

    def _unary(self, node: ast.UnaryOp) -> Tensor:
        if type(node.op) not in UNARY:
            raise CalculatorError(f"{type(node.op).__name__} is no operator here; there are - + ~")
        return UNARY[type(node.op)](self.value(node.operand))

    def _binary(self, node: ast.BinOp) -> Tensor:
        if type(node.op) not in BINARY:
            raise CalculatorError(f"{type(node.op).__name__} is no operator here; there are + - * / // % ** @ & |")
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.MatMult):
            return _product(left, right)
        if isinstance(node.op, ast.BitAnd | ast.BitOr):
            left, right = left != 0, right != 0
        else:
            left, right = left.double(), right.double()
        return BINARY[type(node.op)](*_fitting(left, right))

    def _comparison(self, node: ast.Compare) -> Tensor:
        if len(node.ops) != 1 or type(node.ops[0]) not in COMPARISONS:
            raise CalculatorError("compare two things, by < <= > >= == or !=; join comparisons by & and |")
        left, right = self.value(node.left), self.value(node.comparators[0])
        return COMPARISONS[type(node.ops[0])](*_fitting(left.double(), right.double()))

    def _subscript(self, node: ast.Subscript) -> Tensor:
        array = self.value(node.value)
        given = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        places = [self._place(each) for each in given]
        arrays = [each for each in places if isinstance(each, Tensor) and each.ndim > 0]
        if len(arrays) > 1:
            raise CalculatorError("a subscript may hold one array at most; take one after another")
        if arrays and arrays[0].dtype != torch.bool:
            shortest = min(array.shape, default=1) or 1
            _check_size(arrays[0].numel() * array.numel() // shortest)
        return array[tuple(places)]

    def _place(self, node: ast.expr) -> slice | Tensor | int | None:
        if isinstance(node, ast.Slice):
            ends = (node.lower, node.upper, node.step)
            return slice(*(None if each is None else self._whole(each) for each in ends))
        if isinstance(node, ast.Constant) and node.value is None:
            return None
        found = self.value(node)
        if found.ndim == 0:
            return _as_whole(found)
        return found if found.dtype == torch.bool else _whole_numbers(found)

    def _whole(self, node: ast.expr) -> int:
        return _as_whole(self.value(node))

    def _call(self, node: ast.Call) -> Tensor:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in FUNCTIONS and name not in self._own:
            called = ast.unparse(node.func)
            raise CalculatorError(
                f"no function is called {called:.60}; there are {', '.join([*FUNCTIONS, *self._own])}"
            )
        if any(isinstance(each, ast.Starred) for each in node.args) or any(key.arg != "axis" for key in node.keywords):
            raise CalculatorError(f"{name} takes arrays in their order, and `axis` by its name where it has one")
        arguments = [self.value(each) for each in node.args]
        axis = [self._whole(key.value) for key in node.keywords]
        if name in self._own:
            if len(arguments) != 1 or axis:
                raise CalculatorError(f"{name} takes one array")
            return self._own[name](arguments[0].double(), self._meter)
        function, fewest, most, along = FUNCTIONS[name]
        if not fewest <= len(arguments) <= most or (axis and not along):
            counts = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise CalculatorError(f"{name} takes {counts} arguments{', and may take `axis`' if along else ''}")
        return function(*arguments, axis[0]) if axis else function(*arguments)

    PARTS: ClassVar[Mapping[type[ast.expr], Callable[..., Tensor]]] = {
        ast.Constant: _constant,
        ast.Name: _named,
        ast.UnaryOp: _unary,
        ast.BinOp: _binary,
        ast.Compare: _comparison,
        ast.Subscript: _subscript,
        ast.List: _list,
        ast.Tuple: _list,
        ast.Call: _call,
    }


def _number(value: object) -> Tensor:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CalculatorError(f"{value!r:.60} is no number; expressions hold numbers and names")
    return torch.tensor(float(value), dtype=torch.float64)


def _check_size(numbers: int) -> None:
    if numbers > MOST_NUMBERS:
        raise CalculatorError(f"this would make an array of {numbers} numbers, and {MOST_NUMBERS} is the most")


def _fitting(*arrays: Tensor) -> tuple[Tensor, ...]:
    """Return arrays as they are, once it is known that they fit and make nothing too large."""
    _check_size(math.prod(torch.broadcast_shapes(*(each.shape for each in arrays))))  # type: ignore[no-untyped-call]
    return arrays


def _product(left: Tensor, right: Tensor) -> Tensor:
    if not (0 < left.ndim <= 2 and 0 < right.ndim <= 2):
        raise CalculatorError("@ takes vectors and matrices")
    rows = left.shape[0] if left.ndim == 2 else 1
    _check_size(rows * (right.shape[1] if right.ndim == 2 else 1))
    return left.double() @ right.double()


def _stacked(arrays: Sequence[Tensor]) -> Tensor:
    if not arrays:
        return torch.zeros(0, dtype=torch.float64)
    _check_size(sum(each.numel() for each in arrays))
    return torch.stack([each.double() for each in arrays])


def _as_whole(number: Tensor) -> int:
    return int(_whole_numbers(number).reshape(()).item())


def _whole_numbers(array: Tensor) -> Tensor:
    numbers = array.double()
    if not bool(((numbers == numbers.floor()) & (numbers.abs() < 2**53)).all()):
        raise CalculatorError("what stands for places or counts must be whole numbers")
    return numbers.long()


def _count(number: Tensor) -> int:
    count = _as_whole(number)
    if count < 0:
        raise CalculatorError(f"{count} cannot be a count")
    _check_size(count)
    return count


def _arange(first: Tensor, end: Tensor | None = None) -> Tensor:
    start, stop = (0, _as_whole(first)) if end is None else (_as_whole(first), _as_whole(end))
    _check_size(max(0, stop - start))
    return torch.arange(start, max(start, stop)).double()


def _concat(*arrays: Tensor) -> Tensor:
    _check_size(sum(each.numel() for each in arrays))
    return torch.cat([each.double().reshape(-1) for each in arrays])


def _where(condition: Tensor, one: Tensor, other: Tensor) -> Tensor:
    condition, one, other = _fitting(condition != 0, one.double(), other.double())
    return torch.where(condition, one, other)


def _group_mean(values: Tensor, groups: Tensor) -> Tensor:
    """Return the mean of the known values in each group, NaN where none is known."""
    values, groups = values.double().reshape(-1), _whole_numbers(groups.reshape(-1))
    if values.shape != groups.shape or groups.numel() == 0:
        raise CalculatorError("group_mean takes values and as many numbers of groups, of at least one row")
    if int(groups.min().item()) < 0:
        raise CalculatorError("groups are counted from 0")
    count = int(groups.max().item()) + 1
    _check_size(count)
    known = ~values.isnan()
    total = torch.zeros(count, dtype=torch.float64).index_add(0, groups, torch.where(known, values, 0.0))
    members = torch.zeros(count, dtype=torch.float64).index_add(0, groups, known.double())
    return total / members


def _transpose(matrix: Tensor) -> Tensor:
    if matrix.ndim != 2:
        raise CalculatorError("transpose takes a matrix")
    return matrix.t()


def _solve(matrix: Tensor, right: Tensor) -> Tensor:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or right.ndim > 2:
        raise CalculatorError("solve takes a square matrix and a right-hand side")
    if matrix.shape[0] > LARGEST_SYSTEM:
        raise CalculatorError(f"solve takes {LARGEST_SYSTEM} unknowns at most")
    found: Tensor = torch.linalg.solve(matrix.double(), right.double())
    return found


def _std(array: Tensor, axis: int | None = None) -> Tensor:
    """Return the standard deviation with n - 1 in the denominator."""
    numbers = array.double().reshape(-1) if axis is None else array.double()
    along = 0 if axis is None else axis
    if numbers.ndim == 0 or numbers.shape[along] < 2:
        raise CalculatorError("std takes two numbers at least")
    return torch.std(numbers, dim=along)


def _along(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a reduction over all numbers, or along an axis."""

    def reduced(array: Tensor, axis: int | None = None) -> Tensor:
        return function(array.double()) if axis is None else function(array.double(), dim=axis)

    return reduced


def _plain(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda array: function(array.double())


def _first(function: Callable[..., tuple[Tensor, Tensor]]) -> Callable[..., Tensor]:
    """Return a function's first result."""
    return lambda array, axis=-1: function(array.double(), dim=axis)[0]


def _extreme(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def extreme(array: Tensor, axis: int | None = None) -> Tensor:
        return function(array.double(), dim=() if axis is None else axis)

    return extreme


UNARY: Mapping[type[ast.unaryop], Callable[[Tensor], Tensor]] = {
    ast.USub: lambda array: -array.double(),
    ast.UAdd: lambda array: array,
    ast.Invert: lambda array: array == 0,
}
BINARY: Mapping[type[ast.operator], Callable[[Tensor, Tensor], Tensor]] = {
    ast.Add: torch.add,
    ast.Sub: torch.sub,
    ast.Mult: torch.mul,
    ast.Div: torch.div,
    ast.FloorDiv: torch.floor_divide,
    ast.Mod: torch.remainder,
    ast.Pow: torch.pow,
    ast.MatMult: torch.matmul,
    ast.BitAnd: torch.logical_and,
    ast.BitOr: torch.logical_or,
}
COMPARISONS: Mapping[type[ast.cmpop], Callable[[Tensor, Tensor], Tensor]] = {
    ast.Lt: torch.lt,
    ast.LtE: torch.le,
    ast.Gt: torch.gt,
    ast.GtE: torch.ge,
    ast.Eq: torch.eq,
    ast.NotEq: torch.ne,
}
FUNCTIONS: Mapping[str, tuple[Callable[..., Tensor], int, int, bool]] = {
    "sum": (_along(torch.sum), 1, 1, True),
    "mean": (_along(torch.mean), 1, 1, True),
    "nanmean": (_along(torch.nanmean), 1, 1, True),
    "std": (_std, 1, 1, True),
    "min": (_extreme(torch.amin), 1, 1, True),
    "max": (_extreme(torch.amax), 1, 1, True),
    "argmin": (_along(torch.argmin), 1, 1, True),
    "argmax": (_along(torch.argmax), 1, 1, True),
    "median": (lambda array: torch.median(array.double()), 1, 1, False),
    "sort": (_first(torch.sort), 1, 1, True),
    "argsort": (lambda array, axis=-1: torch.argsort(array.double(), dim=axis, stable=True), 1, 1, True),
    "cumsum": (lambda array, axis=-1: torch.cumsum(array.double(), dim=axis), 1, 1, True),
    "abs": (_plain(torch.abs), 1, 1, False),
    "exp": (_plain(torch.exp), 1, 1, False),
    "log": (_plain(torch.log), 1, 1, False),
    "sqrt": (_plain(torch.sqrt), 1, 1, False),
    "tanh": (_plain(torch.tanh), 1, 1, False),
    "sign": (_plain(torch.sign), 1, 1, False),
    "floor": (_plain(torch.floor), 1, 1, False),
    "round": (_plain(torch.round), 1, 1, False),
    "isnan": (torch.isnan, 1, 1, False),
    "len": (lambda array: _number(len(array)), 1, 1, False),
    "flat": (lambda array: array.reshape(-1), 1, 1, False),
    "transpose": (_transpose, 1, 1, False),
    "where": (_where, 3, 3, False),
    "nonzero": (lambda array: torch.nonzero(array.reshape(-1)).reshape(-1).double(), 1, 1, False),
    "arange": (_arange, 1, 2, False),
    "zeros": (lambda count: torch.zeros(_count(count), dtype=torch.float64), 1, 1, False),
    "ones": (lambda count: torch.ones(_count(count), dtype=torch.float64), 1, 1, False),
    "concat": (_concat, 1, 16, False),
    "group_mean": (_group_mean, 2, 2, False),
    "solve": (_solve, 2, 2, False),
}
"""By name: what computes it, the fewest and the most arguments, and whether it takes `axis`."""
