"""Functionals of sealed rows: the truth is in runs that nobody may make, and is predicted from others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from istar.questions.functionals.base import FUNCTIONALS, FunctionalError, LinearFunctional, one_per_level
from istar.questions.structure import Structure


@FUNCTIONALS.register("intent_probability")
@dataclass(frozen=True)
class IntentProbability(LinearFunctional):
    """For each failing input, the probability that the failure is intentional: that the model could have done it.

    It is the mean over the input's sealed rows, whose values are the probability, or the fact, that the model does it
    when nothing holds it back. The loss is the mean squared error over inputs: the Brier score, where the truth is 0 or
    1 (Brier, Verification of forecasts expressed in terms of probability, 1950).

    Attributes:
        unit: arm column that names the input.
    """

    kind: ClassVar[str] = "intent_probability"
    unit: str

    def weights(self, structure: Structure) -> Float[np.ndarray, "outputs rows"]:
        """See the base class."""
        unit, sealed = structure.levels(self.unit), structure.sealed
        if not sealed.any():
            raise FunctionalError("the structure has no sealed rows, so nothing says what the model could have done")
        # open rows belong to no level, so that they have no weight
        return one_per_level(np.where(sealed, unit, -1), int(unit.max()) + 1)
