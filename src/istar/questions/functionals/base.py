"""Functionals: how a column of values becomes the answer, and how an answer is scored.

A functional holds parameters only; it is given the values and the structure. Values may carry leading axes (posterior
draws), which every functional maps through. A loss is zero at the truth, never negative, and computed, never judged.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Int

from istar.errors import IstarError
from istar.questions.jsonable import describes, frozen
from istar.questions.structure import Structure
from istar.registry import Registry

FUNCTIONALS: Registry[type[Functional]] = Registry("functional")

TIE = 1e-12
"""Scores that differ by less are a tie."""

Values = Float[np.ndarray, "*draws rows"]
Answer = Float[np.ndarray, "*draws outputs"]


class FunctionalError(IstarError):
    """A functional that does not fit the structure it was given."""


class Functional(ABC):
    """Base class; a subclass is a frozen dataclass of JSON values, registered under `kind`.

    Attributes:
        kind: the registry name.
        centre: which point of a posterior over answers minimises the expected loss.
    """

    kind: ClassVar[str]
    centre: ClassVar[Literal["mean", "median"]] = "mean"

    @abstractmethod
    def answer(self, values: Values, structure: Structure) -> Answer:
        """Return the answer of a column of values.

        Args:
            values: one value per row, in the readout's unit, with any leading axes.
            structure: the rows' structure.

        Raises:
            FunctionalError: the structure lacks what the functional needs.
        """

    def loss(
        self, answer: Float[np.ndarray, " outputs"], values: Float[np.ndarray, " rows"], structure: Structure
    ) -> float:
        """Return the loss of an answer against the true column; mean squared error unless a subclass says otherwise."""
        return float(np.mean((answer - self.answer(values, structure)) ** 2))

    def weights(self, structure: Structure) -> Float[np.ndarray, "outputs rows"] | None:
        """Return the matrix W with answer = W values where the functional is linear, else None."""
        return None

    def to_json(self) -> dict[str, Any]:
        """Return the functional as JSON values."""
        return {"kind": self.kind, **asdict(self)}  # type: ignore[call-overload]


class LinearFunctional(Functional):
    """A functional whose answer is a fixed matrix times the values."""

    @abstractmethod
    def weights(self, structure: Structure) -> Float[np.ndarray, "outputs rows"]:
        """Return the matrix W with answer = W values."""

    def answer(self, values: Values, structure: Structure) -> Answer:
        """See the base class."""
        answer: Answer = values @ self.weights(structure).T
        return answer


@describes("functional")
def functional_from_json(data: dict[str, Any]) -> Functional:
    """Return the functional that `to_json` described.

    Raises:
        MalformedError: the values fit none.
        UnknownNameError: no functional of that kind is registered.
    """
    return FUNCTIONALS.get(data["kind"])(**{key: frozen(value) for key, value in data.items() if key != "kind"})


def one_per_level(owner: Int[np.ndarray, " rows"], levels: int) -> Float[np.ndarray, "levels rows"]:
    """Return the matrix that averages rows within each level of `owner`."""
    rows = np.flatnonzero((owner >= 0) & (owner < levels))
    counts = np.bincount(owner[rows], minlength=levels)
    if (counts == 0).any():
        raise FunctionalError(f"no row belongs to level {int(np.argmin(counts))} of {levels}")
    averages: Float[np.ndarray, "levels rows"] = np.zeros((levels, len(owner)))
    averages[owner[rows], rows] = 1 / counts[owner[rows]]
    return averages
