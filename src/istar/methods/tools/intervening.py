"""Looking at a target as a run's intervention leaves it, and at the block where it acts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from istar.questions import Run

if TYPE_CHECKING:
    from istar.targets.target import Target


def block_at(target: Target, depth: float) -> int:
    """Return the number of the first block that has at least the share `depth` of all blocks below it.

    An intervention says by such a share where it acts; `target.run(runs, hooks={block_at(target, depth): function})`
    sees the residual stream that enters that block.
    """
    from istar.targets import appliers

    return appliers.block_at(target, depth)


def head_at(target: Target, head: float) -> int:
    """Return the number of the head that has the share `head` of a block's heads before it, rounded down."""
    from istar.targets import component_appliers

    return component_appliers.head_at(target, head)


def heads_of(target: Target) -> int:
    """Return how many attention heads a block has."""
    from istar.targets import component_appliers

    return component_appliers.heads_of(target)


@contextmanager
def under(target: Target, run: Run) -> Iterator[Target]:
    """Put the target under the intervention of a run, if it has one, and leave it as it was found.

    What setting it up takes is charged: a fine-tune its steps, an organism nothing.

    Raises:
        TargetError: nobody knows how to apply the intervention.
    """
    from istar.targets.interventions import applied

    with applied(target, run.intervention):
        yield target
