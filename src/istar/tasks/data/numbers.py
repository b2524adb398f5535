"""Relations of numbers: arithmetic, counting on, comparing, and numbers in words."""

from __future__ import annotations

from functools import cache
from itertools import product

from istar.tasks.data.relations import Relation

ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


@cache
def arithmetic() -> tuple[Relation, ...]:
    """Return what can be asked about numbers below a hundred."""
    small, teens, large = range(2, 10), range(10, 20), range(10, 90)
    return (
        Relation("sum", tuple((f"{a}+{b}", str(a + b)) for a, b in product(small, small))),
        Relation("difference", tuple((f"{a}-{b}", str(a - b)) for a, b in product(teens, small))),
        Relation("product", tuple((f"{a}*{b}", str(a * b)) for a, b in product(small, small))),
        Relation("larger", tuple((f"{a},{b}", str(max(a, b))) for a, b in product(large, large) if a != b)),
        Relation("next", tuple((str(a), str(a + 1)) for a in range(10, 400))),
        Relation(
            "digits",
            tuple((f"{ten}-{one}", f"{a}{b}") for a, ten in enumerate(TENS, 2) for b, one in enumerate(ONES, 1)),
        ),
    )
