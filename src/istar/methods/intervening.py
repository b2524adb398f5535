"""Looking at a target as a run's intervention leaves it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from istar.questions import Run

if TYPE_CHECKING:
    from istar.targets.target import Target


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
