"""What a state of the model changes about each of several behaviours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from istar.questions.functionals.base import FUNCTIONALS, FunctionalError, LinearFunctional
from istar.questions.structure import Structure


@FUNCTIONALS.register("behaviour_changes")
@dataclass(frozen=True)
class BehaviourChanges(LinearFunctional):
    """For each state but the first, the mean value of each behaviour minus its mean value in state 0.

    Outputs are ordered by state, then by behaviour; a behaviour that a state was not probed for has no output there.
    The loss is the mean squared error, in the readout's unit squared.

    Attributes:
        state: arm column that names what was done to the model; level 0 is the model as it was.
        behaviour: arm column that names what was probed.
    """

    kind: ClassVar[str] = "behaviour_changes"
    state: str
    behaviour: str

    @property
    def measured_against(self) -> str:
        """See the base class."""
        return self.state

    def weights(self, structure: Structure) -> Float[np.ndarray, "outputs rows"]:
        """See the base class."""
        state, behaviour = structure.levels(self.state), structure.levels(self.behaviour)
        changes = []
        for level in np.unique(state[state > 0]):
            for probed in np.unique(behaviour[state == level]):
                before = (state == 0) & (behaviour == probed)
                after = (state == level) & (behaviour == probed)
                if not before.any():
                    raise FunctionalError(
                        f"behaviour {probed} of {self.behaviour!r} was never probed before any change (level 0 of "
                        f"{self.state!r})"
                    )
                changes.append(after / after.sum() - before / before.sum())
        if not changes:
            raise FunctionalError(f"nothing but level 0 of {self.state!r}; there is no change to measure")
        return np.stack(changes)
