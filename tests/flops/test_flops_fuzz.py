"""Random small programs, counted by the meter and by hand: the price of each step is written down as it is drawn.

The hand count knows shapes and the conventions of the documentation alone, none of the rulebook's code: a fused
multiply-add is 2, arithmetic 1, transcendentals 16, sorting and gathering 4, views 0, float64 twice.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from istar.flops import RULEBOOK, RULEBOOKS, Meter, Repricing, Rulebook
from istar.flops.rulebook import Rule

ARITHMETIC = (torch.add, torch.mul, torch.sub)
TRANSCENDENTAL = (torch.exp, torch.sin, torch.log1p)
SIZES = st.integers(1, 7)


@dataclass
class Program:
    """A program being drawn: its tensors' values, and what its steps cost by hand."""

    draw: object
    kind: torch.dtype
    flops: int = 0
    steps: list[str] = field(default_factory=list)

    @property
    def weight(self):
        return 2 if self.kind == torch.float64 else 1

    def charge(self, name, flops):
        self.steps.append(f"{name}: {flops}")
        self.flops += self.weight * flops

    def step(self, value):
        """Do one thing to a matrix and return another matrix."""
        rows, columns = value.shape
        name = self.draw(st.sampled_from(sorted(STEPS)))
        return STEPS[name](self, value, rows, columns)


def product(program, value, rows, columns):
    width = program.draw(SIZES)
    program.charge("product", 2 * rows * columns * width)
    return value @ program.other(columns, width)


def arithmetic(program, value, rows, columns):
    operation = program.draw(st.sampled_from(ARITHMETIC))
    program.charge("arithmetic", rows * columns)
    return operation(value, program.other(rows, columns))


def broadcast(program, value, rows, columns):
    program.charge("broadcast", rows * columns)
    return value + program.other(1, columns)


def transcendental(program, value, rows, columns):
    program.charge("transcendental", 16 * rows * columns)
    return program.draw(st.sampled_from(TRANSCENDENTAL))(value)


def transpose(program, value, rows, columns):
    return value.T


def reduction(program, value, rows, columns):
    program.charge("reduction", rows * columns)
    return value.sum(program.draw(st.integers(0, 1)), keepdim=True)


def ordering(program, value, rows, columns):
    program.charge("ordering", 4 * rows * columns)
    return value.sort(1).values


def gathering(program, value, rows, columns):
    wanted = program.draw(st.lists(st.integers(0, columns - 1), min_size=1, max_size=5))
    index = program.index(wanted)
    program.charge("gathering", 4 * rows * len(wanted))
    return value.index_select(1, index)


def slicing(program, value, rows, columns):
    return value[: program.draw(st.integers(1, rows))]


STEPS = {
    each.__name__: each
    for each in (product, arithmetic, broadcast, transcendental, transpose, reduction, ordering, gathering, slicing)
}


@st.composite
def programs(draw):
    """Draw the steps of a program, with the operands made beforehand, outside the meter."""
    seed = draw(st.integers(0, 2**16))
    return draw(st.sampled_from((torch.float32, torch.float64))), draw(st.integers(1, 8)), seed


def run_metered(kind_steps_seed, draw, *meters):
    """Run a random program under some meters at once and return it."""
    kind, steps, seed = kind_steps_seed
    generator = torch.Generator().manual_seed(seed)
    program = Program(draw, kind)

    def outside(make):
        with torch.utils._python_dispatch._disable_current_modes():
            return make()

    program.other = lambda rows, columns: outside(lambda: torch.rand(rows, columns, dtype=kind, generator=generator))
    program.index = lambda wanted: outside(lambda: torch.tensor(wanted))
    value = program.other(draw(SIZES), draw(SIZES))
    with ExitStack() as stack:
        for meter in meters:
            stack.enter_context(meter)
        for _ in range(steps):
            value = program.step(value)
    return program


@settings(max_examples=150, deadline=None)
@given(programs(), st.data())
def test_the_meter_agrees_with_a_count_by_hand(program, data):
    meter = Meter(strict=True)
    ran = run_metered(program, data.draw, meter)
    assert meter.flops == ran.flops, ran.steps


@settings(max_examples=100, deadline=None)
@given(programs(), st.integers(0, 9), st.integers(0, 40), st.booleans(), st.data())
def test_a_histogram_says_what_another_rulebook_would_have_counted(program, sums, exponentials, sorted_free, data):
    changes = {
        "add": Rule("scaled_sum", sums),
        "sum": Rule("reduced", 2 + sums),
        "exp": Rule("pointwise", exponentials),
        "sort": Rule("free", 0) if sorted_free else RULEBOOK.rules["sort"],
    }
    other = Rulebook("other", {**RULEBOOK.rules, **changes})
    meter, second = Meter(strict=True), Meter(other, strict=True)
    run_metered(program, data.draw, meter, second)
    assert Repricing(RULEBOOK, other).histogram(meter.by_op) == second.by_op


@settings(max_examples=100, deadline=None)
@given(programs(), st.data())
def test_v1_counts_plain_programs_alike(program, data):
    first, second = Meter(RULEBOOKS["v1"], strict=True), Meter(RULEBOOKS["v2"], strict=True)
    run_metered(program, data.draw, first, second)
    assert first.by_op == second.by_op


@settings(max_examples=40, deadline=None)
@given(st.lists(SIZES, min_size=3, max_size=6), st.integers(0, 2**16))
def test_a_backward_pass_through_products_costs_twice_the_forward_pass(sizes, seed):
    torch.manual_seed(seed)
    rows, *widths = sizes
    matrices = [torch.rand(before, after, requires_grad=True) for before, after in pairwise(widths)]
    value = torch.rand(rows, widths[0], requires_grad=True)
    by_hand = sum(2 * rows * each.shape[0] * each.shape[1] for each in matrices)
    meter = Meter(strict=True)
    with meter:
        result = value
        for each in matrices:
            result = result @ each
        forward = meter.matmul_flops
        result.backward(torch.ones_like(result))
    assert forward == by_hand
    assert meter.matmul_flops == 3 * by_hand
