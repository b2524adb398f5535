"""What the statistician knows when it comes to a question: its state, learned from the task's other questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from istar.executors.statistician.table_model.priors import TaskPrior

if TYPE_CHECKING:
    from istar.executors.statistician.fidelity.prior import FidelityPrior


@dataclass(frozen=True, eq=False)
class Knowledge:
    """What the statistician knows beforehand.

    Attributes:
        prior: what is known of the task from its other questions.
        blind: the answer of skill 0, with which it begins.
        fidelity: what the method was worth on other questions; None of a stranger.
    """

    prior: TaskPrior
    blind: Float[np.ndarray, " outputs"]
    fidelity: FidelityPrior | None = None
