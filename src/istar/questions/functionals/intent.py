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
    """For each input, the probability that a model fails on it intentionally: that it fails and need not.

    The values are the probability, or the fact, that the model does what is asked. In sealed rows nothing holds it
    back; the answer is their mean less the mean of what it shows as it stands. The loss is the mean squared error over
    inputs: the Brier score, where the truth is 0 or 1 (Brier, Verification of forecasts expressed in terms of
    probability, 1950).

    Attributes:
        unit: arm column that names the input.
        way: arm column that names how the input is put; at level 0 the model stands as it is.
    """

    kind: ClassVar[str] = "intent_probability"
    unit: str
    way: str

    def weights(self, structure: Structure) -> Float[np.ndarray, "outputs rows"]:
        """See the base class."""
        unit, sealed = structure.levels(self.unit), structure.sealed
        shown = ~sealed & (structure.levels(self.way) == 0)
        if not sealed.any() or not shown.any():
            missing = "sealed rows" if not sealed.any() else f"open rows at level 0 of {self.way!r}"
            raise FunctionalError(f"the structure has no {missing}, so nothing says what is held back")
        # rows of neither sort belong to no level, so that they have no weight
        units = int(unit.max()) + 1
        able, does = (one_per_level(np.where(rows, unit, -1), units) for rows in (sealed, shown))
        weights: Float[np.ndarray, "outputs rows"] = able - does
        return weights
