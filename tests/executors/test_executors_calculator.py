"""The calculator of an agent: what it computes, what it refuses, and that all of it is counted and bounded."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from istar.executors.language_model.calculator import FUNCTIONS, MOST_NUMBERS, CalculatorError, compute
from istar.flops import BudgetExceededError, Meter

GENERATOR = np.random.default_rng(3)
VALUES = np.where(np.arange(24) % 5 == 3, np.nan, GENERATOR.standard_normal(24))
GROUPS = np.arange(24) % 6
MATRIX = GENERATOR.standard_normal((6, 4))
SQUARE = GENERATOR.standard_normal((4, 4))
ARRAYS = {"values": VALUES, "groups": GROUPS, "matrix": MATRIX, "square": SQUARE}


def found(expression, budget=10**9, own=None):
    names = {name: torch.tensor(np.asarray(array, dtype=np.float64)) for name, array in ARRAYS.items()}
    meter = Meter(budget=budget)
    result = compute(expression, names, own or {}, meter)
    return result.double().numpy(), meter.flops


def known():
    return VALUES[~np.isnan(VALUES)]


RIGHT = {
    "1 + 2 * 3 - 4 / 8": lambda: 6.5,
    "7 // 2 + 7 % 3 + 2 ** 3": lambda: 12.0,
    "-matrix[0] + +matrix[1]": lambda: MATRIX[1] - MATRIX[0],
    "matrix @ square": lambda: MATRIX @ SQUARE,
    "matrix[0] @ matrix[1]": lambda: MATRIX[0] @ MATRIX[1],
    "transpose(matrix) @ matrix": lambda: MATRIX.T @ MATRIX,
    "matrix[:, 1:3]": lambda: MATRIX[:, 1:3],
    "matrix[::2, -1]": lambda: MATRIX[::2, -1],
    "matrix[[3, 0, 3]]": lambda: MATRIX[[3, 0, 3]],
    "matrix[:, None, 0]": lambda: MATRIX[:, None, 0],
    "values[groups == 2]": lambda: VALUES[GROUPS == 2],
    "(groups > 1) & ~(groups == 3) | (groups != groups)": lambda: (GROUPS > 1) & (GROUPS != 3),
    "(groups <= 1) == (groups < 2)": lambda: np.ones(24),
    "isnan(values) >= 1": lambda: np.isnan(VALUES),
    "nanmean(values)": lambda: known().mean(),
    "sum(matrix) + sum(matrix, axis=0)": lambda: MATRIX.sum() + MATRIX.sum(0),
    "mean(matrix, axis=1)": lambda: MATRIX.mean(1),
    "std(matrix, axis=-1)": lambda: MATRIX.std(1, ddof=1),
    "max(matrix) - min(matrix, axis=1)": lambda: MATRIX.max() - MATRIX.min(1),
    "argmax(matrix, axis=1) + argmin(matrix)": lambda: MATRIX.argmax(1) + MATRIX.argmin(),
    "sort(matrix, axis=0)": lambda: np.sort(MATRIX, axis=0),
    "argsort(matrix)": lambda: np.argsort(MATRIX),
    "cumsum(matrix[0])": lambda: np.cumsum(MATRIX[0]),
    "median([3, 1, 2])": lambda: 2.0,
    "exp(log(abs(matrix))) + sqrt(4) + tanh(0) + sign(-3)": lambda: np.abs(MATRIX) + 1,
    "floor(2.7) + round(2.7)": lambda: 5.0,
    "where(isnan(values), 0, values)": lambda: np.nan_to_num(VALUES),
    "nonzero(isnan(values))": lambda: np.flatnonzero(np.isnan(VALUES)),
    "arange(4)": lambda: np.arange(4),
    "arange(3, 6) + zeros(3) + ones(3)": lambda: np.arange(4, 7),
    "arange(6, 3)": lambda: np.zeros(0),
    "concat(1, [2, 3], matrix[0])": lambda: np.concatenate([[1, 2, 3], MATRIX[0]]),
    "[[1, 2], [3, 4]]": lambda: np.array([[1, 2], [3, 4]]),
    "flat(matrix)[len(matrix)]": lambda: MATRIX.reshape(-1)[6],
    "solve(square, ones(4))": lambda: np.linalg.solve(SQUARE, np.ones(4)),
    "group_mean(values, groups)": lambda: np.array([np.nanmean(VALUES[each == GROUPS]) for each in range(6)]),
    "group_mean(values, groups * 2)[1]": lambda: np.nan,
    "where(isnan(values), group_mean(values, groups)[groups], values)[3]": lambda: np.nanmean(VALUES[GROUPS == 3]),
    "2 ** 0.5 ** 2": lambda: 2**0.25,
    "9 ** 9 ** 9": lambda: np.inf,
}


@pytest.mark.parametrize("expression", RIGHT)
def test_it_computes_what_numpy_does(expression):
    np.testing.assert_allclose(found(expression)[0], RIGHT[expression](), rtol=1e-12)


def test_every_function_is_tried():
    assert {name for name in FUNCTIONS if any(f"{name}(" in each for each in RIGHT)} == set(FUNCTIONS)


WRONG = {
    "__import__('os')": "no function is called __import__",
    "values.__class__": "Attribute is not of the calculator's language",
    "values.numpy().tofile('x')": "no function is called values.numpy",
    "(lambda: 1)()": "no function is called lambda",
    "[each for each in values]": "ListComp is not of",
    "values if 1 else 2": "IfExp is not of",
    "values and 1": "BoolOp is not of",
    "'a' * 9": "'a' is no number",
    "f'{values}'": "JoinedStr is not of",
    "{1: 2}": "Dict is not of",
    "values[...]": "Ellipsis is no number",
    "True": "True is no number",
    "1j": "1j is no number",
    "not values": "Not is no operator here",
    "1 << 9": "LShift is no operator here",
    "1 < 2 < 3": "compare two things",
    "values is values": "compare two things",
    "a = 1": "one expression, and no statement",
    "1; 2": "one expression, and no statement",
    "": "one expression",
    "x := 3": "this is no expression",
    "(" * 300: "this is no expression",
    "\0": "this is no expression",
    "\ud800": "this is no expression",
    "-" * 1000 + "1": "more than 300 parts",
    "1 +" * 1000 + "1": "2000 is the most",
    "nothing": "nothing is called 'nothing'; there are values, groups",
    "f(1)": "no function is called f; there are sum",
    "sum(*matrix)": "takes arrays in their order",
    "sum(matrix, dtype=1)": "takes arrays in their order",
    "sum(matrix, **matrix)": "takes arrays in their order",
    "sum()": "sum takes 1 arguments, and may take `axis`",
    "abs(1, axis=0)": "abs takes 1 arguments",
    "where(1)": "where takes 3 arguments",
    "sum(matrix, axis=9)": "cannot be computed: Dimension out of range",
    "values[99]": "cannot be computed: index 99 is out of bounds",
    "values[0.5]": "must be whole numbers",
    "values[values]": "must be whole numbers",
    "values[1e300]": "must be whole numbers",
    "matrix[[1, 2], [1, 2]]": "one array at most",
    "values[0:9:0]": "slice step",
    "matrix @ values": "cannot be computed",
    "1 @ 2": "@ takes vectors and matrices",
    "matrix + values": "cannot be computed",
    "[1, [2, 3]]": "cannot be computed",
    "solve(matrix, 1)": "a square matrix",
    "solve(zeros(4)[:, None] * zeros(4), ones(4))": "singular",
    "solve(ones(600)[:, None] * ones(600), ones(600))": "512 unknowns at most",
    "group_mean(values, ones(3))": "as many numbers of groups",
    "group_mean(values, groups - 1)": "counted from 0",
    "group_mean(values, groups * 1e9)": "is the most",
    "zeros(-1)": "-1 cannot be a count",
    "zeros(1e9)": f"an array of 1000000000 numbers, and {MOST_NUMBERS} is the most",
    "arange(10 ** 12)": "is the most",
    "ones(2000)[:, None] * ones(2000)": "an array of 4000000 numbers",
    "ones(1000000)[:, None] @ ones(1000000)[None]": "an array of 1000000000000 numbers",
    "concat(ones(600000), ones(600000))": "is the most",
    "[ones(600000), ones(600000)]": "is the most",
    "where(ones(2000)[:, None], ones(2000), 1)": "is the most",
    "(ones(1000)[:, None] * ones(1000))[zeros(2000)]": "is the most",
    "transpose(values)": "transpose takes a matrix",
    "std(1)": "std takes two numbers at least",
    "std(matrix[:1], axis=0)": "std takes two numbers at least",
    "len(3)": "cannot be computed",
}


@pytest.mark.parametrize("expression", WRONG, ids=range(len(WRONG)))
def test_what_is_not_of_its_language_or_too_large_is_refused(expression):
    with pytest.raises(CalculatorError) as caught:
        found(expression)
    assert WRONG[expression] in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_every_operation_is_counted_at_the_rulebooks_prices():
    _, product = found("matrix @ square")
    assert product == 2 * (2 * 6 * 4 * 4)
    _, sums = found("matrix + matrix")
    assert sums == 2 * 24
    assert found("flat(matrix)")[1] == 0


def test_no_more_than_the_budget_is_computed():
    _, price = found("ones(1000) @ ones(1000)")
    assert found("ones(1000) @ ones(1000)", budget=price)
    with pytest.raises(BudgetExceededError):
        found("ones(1000) @ ones(1000)", budget=price - 1)


def test_what_fails_is_counted_up_to_there():
    names = {"matrix": torch.tensor(MATRIX)}
    meter = Meter(budget=10**6)
    with pytest.raises(CalculatorError, match="nothing"):
        compute("(matrix + matrix) * nothing", names, {}, meter)
    assert meter.flops == 2 * 24


def test_arrays_it_is_given_are_not_changed():
    names = {"matrix": torch.tensor(MATRIX)}
    for expression in ("matrix + 1", "sort(matrix)", "flat(matrix) * 2", "-matrix", "where(matrix > 0, 0, matrix)"):
        compute(expression, names, {}, Meter())
    np.testing.assert_array_equal(names["matrix"].numpy(), MATRIX)


def test_a_function_of_ones_own_is_given_an_array_and_the_meter():
    def doubled(array, meter):
        meter.charge({"doubled": 7}, 0)
        return 2 * array

    result, flops = found("doubled(matrix[0])", own={"doubled": doubled})
    np.testing.assert_allclose(result, 2 * MATRIX[0])
    assert flops >= 7
    with pytest.raises(CalculatorError, match="doubled takes one array"):
        found("doubled(1, 2)", own={"doubled": doubled})


PARTS = st.sampled_from(
    ["1", "0", "-3", "2.5", "1e300", "values", "groups", "matrix", "square", "None", "True", "'x'", "[]", "..."]
)
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "@", "&", "|", "<", "==", "and", "if"]
TREES = st.recursive(
    PARTS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(OPERATORS), inner).map(" ".join),
        st.tuples(st.sampled_from([*FUNCTIONS, "print", "exec"]), st.lists(inner, max_size=3)).map(
            lambda each: f"{each[0]}({', '.join(each[1])})"
        ),
        st.tuples(inner, inner).map(lambda each: f"({each[0]})[{each[1]}]"),
        st.tuples(inner, inner).map(lambda each: f"({each[0]})[:{each[1]}, None]"),
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]"),
        inner.map(lambda each: f"~({each})"),
    ),
    max_leaves=8,
)


@given(TREES)
def test_whatever_is_written_ends_in_an_array_or_in_a_word_of_what_is_wrong(expression):
    try:
        result, flops = found(expression, budget=10**7)
    except (CalculatorError, BudgetExceededError):
        return
    assert result.size <= MOST_NUMBERS
    assert 0 <= flops <= 10**7
