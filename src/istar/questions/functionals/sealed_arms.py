"""Arms ranked by what nobody may buy: the truth is in sealed rows, and the others are what it is predicted from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from istar.questions.functionals.arms import ArmRanking
from istar.questions.functionals.base import FUNCTIONALS, FunctionalError, one_per_level
from istar.questions.structure import Structure


@FUNCTIONALS.register("sealed_arm_ranking")
@dataclass(frozen=True)
class SealedArmRanking(ArmRanking):
    """The mean value of each arm over its sealed rows alone, or how much it is above that of arm 0.

    The loss is that of `ArmRanking`. Rows that can be bought tell of the arms by another measure than the one that
    decides: a judge that is shown, where the ranking is that of a judge held out.
    """

    kind: ClassVar[str] = "sealed_arm_ranking"

    def weights(self, structure: Structure) -> Float[np.ndarray, "outputs rows"]:
        """See the base class."""
        arm, sealed = structure.levels(self.arm), structure.sealed
        if not sealed.any():
            raise FunctionalError("the structure has no sealed rows, so nothing says how arms rank")
        means = one_per_level(np.where(sealed, arm, -1), int(arm.max()) + 1)  # open rows belong to no level
        if not self.reference:
            return means
        above: Float[np.ndarray, "outputs rows"] = means[1:] - means[0]
        return above
