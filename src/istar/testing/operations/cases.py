"""All cases, of every kind of operation."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from istar.testing.operations import (
    aten,
    layers,
    making,
    moving,
    orders,
    pointwise,
    products,
    reductions,
    solvers,
    training,
)
from istar.testing.operations.case import Case

KINDS = {
    each.__name__.rpartition(".")[2]: each
    for each in (aten, layers, making, moving, orders, pointwise, products, reductions, solvers, training)
}


def cases(*kinds: str) -> Iterator[Case]:
    """Yield the cases of some kinds, or of all.

    Args:
        kinds: names of the modules beside this one that list cases.
    """
    with warnings.catch_warnings():
        # torch warns of what is deprecated, and of shapes that broadcast, which is what is tried here
        warnings.simplefilter("ignore")
        for kind in kinds or KINDS:
            yield from KINDS[kind].cases()
