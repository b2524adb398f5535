"""Every operation in every form against a count from its definition, made without the rulebook's formulas."""

from functools import cache

import pytest
import torch

from istar.flops import RULEBOOK, RULEBOOKS, Meter, UnknownOperationError
from istar.flops.rulebook import rule_name
from istar.methods.attribute_lists import LIVE
from istar.methods.language import MODULES
from istar.testing.operations.case import billed_and_counted
from istar.testing.operations.cases import KINDS, cases
from istar.testing.operations.products import product_flops
from istar.testing.operations.spellings import OF_ELEMENTS, PAIRS, SPELLINGS
from istar.testing.operations.uncounted import COMPOSITIONS, NO_ARITHMETIC, OTHER_DEVICES

pytestmark = pytest.mark.slow

PRODUCTS = "v2-products"
THREE_PRODUCTS = frozenset(("grad", "jvp"))
"""A product, and two of its derivatives."""
AT_LEAST = {
    "aten": 330,
    "layers": 250,
    "making": 155,
    "moving": 1190,
    "orders": 270,
    "pointwise": 2750,
    "products": 1280,
    "reductions": 1630,
    "solvers": 1560,
    "training": 32,
}
"""How many forms of each kind torch runs; it warrants that none is left out by mistake."""


@cache
def swept(kind):
    """Return each case of a kind with what was billed, what it counts, and the operations that ran."""
    found = []
    for case in cases(kind):
        meter = Meter(RULEBOOK, strict=True)
        try:
            billed, work = billed_and_counted(case, meter)
        except UnknownOperationError:  # refused: as wrong as a bill of nothing
            billed, work = 0, float("inf")
        found.append((case, billed, work, frozenset(meter.calls)))
    return found


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_bill_is_what_the_definition_counts(kind):
    found = swept(kind)
    assert len(found) >= AT_LEAST[kind]
    assert len({case.name for case, *_ in found}) == len(found)
    off = {
        case.name: f"billed {billed}, counted {work}"
        for case, billed, work, _ in found
        if not work / case.within <= billed <= work * case.within
    }
    assert not off


def test_every_name_that_a_method_may_write_is_counted_or_computes_nothing():
    allowed = {
        f"{module}.{name}" for module, names in MODULES.items() if module.partition(".")[0] == "torch" for name in names
    }
    allowed |= {f"Tensor.{name}" for name in dict(LIVE)[torch.Tensor] if hasattr(torch.Tensor, name)}
    counted = {name for kind in KINDS for case, *_ in swept(kind) for name in case.names}
    assert not allowed - counted - NO_ARITHMETIC
    assert not counted & NO_ARITHMETIC


def test_every_price_has_a_case():
    called = {rule_name(name) for kind in KINDS for *_, calls in swept(kind) for name in calls}
    priced = {name for name, rule in RULEBOOK.rules.items() if rule.basis != "free"}
    assert priced - called == OTHER_DEVICES | COMPOSITIONS


@pytest.mark.parametrize("spelling", sorted(SPELLINGS))
def test_a_product_has_one_price_however_it_is_written(spelling):
    """2mnk for an m x k by k x n matrix, and at most a thirtieth more for what is copied around it."""
    left, right = torch.rand(24, 32), torch.rand(32, 40)
    meter, products = Meter(RULEBOOK, strict=True), Meter(RULEBOOKS[PRODUCTS], strict=True)
    with meter, products:
        SPELLINGS[spelling](left, right)
    flops = product_flops(left, right) * (3 if spelling in THREE_PRODUCTS else 1)
    assert flops <= meter.flops <= flops * 31 / 30
    of_products = 0 if spelling in OF_ELEMENTS else flops
    assert meter.matmul_flops == products.flops == of_products


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_two_ways_to_compute_the_same_are_billed_alike(name):
    first, second, shapes, apart = PAIRS[name]
    operands = [torch.rand(shape) for shape in shapes]
    meters = [Meter(RULEBOOK, strict=True) for _ in range(2)]
    results = []
    for meter, compute in zip(meters, (first, second), strict=True):
        with meter:
            results.append(compute(*operands))
    torch.testing.assert_close(*results, atol=1e-3, rtol=1e-3)
    assert meters[1].flops / apart <= meters[0].flops <= meters[1].flops * apart
