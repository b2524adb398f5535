"""Functionals: how a column of values becomes the answer, and how an answer is scored.

A functional holds parameters only; it is given the values and the structure. Values may carry leading axes (posterior
draws, resamples of the replicates), which every functional maps through. A loss is zero at the truth, never negative,
and computed, never judged.

All that anybody asks of a functional stands in its base class. `answer` is all that one must have; the rest has
defaults that are right for any functional, and is there for those that know better what to look at.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.errors import IstarError
from istar.questions.jsonable import describes, frozen
from istar.questions.structure import Structure
from istar.registry import Registry

FUNCTIONALS: Registry[type[Functional]] = Registry("functional")

TIE = 1e-12
"""Scores that differ by less are a tie."""

Values = Float[np.ndarray, "*draws rows"]
Answer = Float[np.ndarray, "*draws outputs"]


Design = Literal["rows", "linearised", "contest"]


class FunctionalError(IstarError):
    """A functional that does not fit the structure it was given."""


@dataclass(frozen=True)
class Contest:
    """Which rows tell apart those among which the answer chooses.

    Attributes:
        gain: what knowing each row promises, in units of the loss; 0 for what contends no more.
        chosen: the rows that measure what would be chosen now, which takes no comparison.
        chosen_gain: what knowing one of these promises for that alone; 0 where only the choice counts.
        outputs: among how many the choice is, for the executor's bill.
    """

    gain: Float[np.ndarray, " rows"]
    chosen: Bool[np.ndarray, " rows"]
    chosen_gain: float
    outputs: int


class Functional(ABC):
    """Base class; a subclass is a frozen dataclass of JSON values, registered under `kind`.

    Attributes:
        kind: the registry name.
        centre: which point of a posterior over answers minimises the expected loss.
        design: how an executor finds out what to look at next. `rows`: it plans ahead where `weights` are known, else
            it takes the rows that `row_worth` puts first. `linearised`: the rows that tell most of the answer made
            linear about what is believed now. `contest`: the rows that tell contenders apart, few at a time, since
            whether one still contends depends on what was found.
    """

    kind: ClassVar[str]
    centre: ClassVar[Literal["mean", "median"]] = "mean"
    design: ClassVar[Design] = "rows"

    @abstractmethod
    def answer(self, values: Values, structure: Structure) -> Answer:
        """Return the answer of a column of values.

        Args:
            values: one value per row, in the readout's unit, with any leading axes.
            structure: the rows' structure.

        Raises:
            FunctionalError: the structure lacks what the functional needs.
        """

    def answers(
        self, draws: Float[np.ndarray, "draws rows"], structure: Structure
    ) -> Float[np.ndarray, "draws outputs"]:
        """Return the answer of each of several columns of values, made at once; not to be overridden.

        Args:
            draws: columns of values, one a row of the array.
            structure: the rows' structure.

        Raises:
            FunctionalError: `answer` takes one column only.
        """
        try:
            found = np.asarray(self.answer(draws, structure), dtype=np.float64)
        except FunctionalError:
            raise
        except Exception as error:
            raise self._for_one_column_only(f"{type(error).__name__}: {error}") from error
        if found.ndim != 2 or len(found) != len(draws):
            raise self._for_one_column_only(f"the answers to {len(draws)} columns have the shape {found.shape}")
        return found

    def _for_one_column_only(self, reason: str) -> FunctionalError:
        return FunctionalError(
            f"the functional {self.kind!r} cannot answer for several columns of values at once ({reason}). Values may "
            "have leading axes: take rows and means along the last axis alone, as in values[..., rows].mean(-1), and "
            "stack outputs along it, as in np.stack([low, high], axis=-1)"
        )

    def loss(
        self, answer: Float[np.ndarray, " outputs"], values: Float[np.ndarray, " rows"], structure: Structure
    ) -> float:
        """Return the loss of an answer against the true column; mean squared error unless a subclass says otherwise."""
        return float(np.mean((answer - self.answer(values, structure)) ** 2))

    def weights(self, structure: Structure) -> Float[np.ndarray, "outputs rows"] | None:
        """Return the matrix W with answer = W values where the functional is linear, else None."""
        return None

    @property
    def measured_against(self) -> str | None:
        """The arm column whose level 0 all else is measured against; None where no level is special."""
        return None

    @property
    def compared(self) -> str | None:
        """The arm column whose levels' mean values are compared; None where the answer is about something else."""
        return None

    def row_worth(self, draws: Float[np.ndarray, "draws rows"], structure: Structure) -> Float[np.ndarray, " rows"]:
        """Return how much knowing each row tells of the answer, in any unit; asked of the design `rows`.

        Without an override it is the variance of the answer that each row's value explains linearly among the draws,
        less what it would explain by chance.

        Args:
            draws: columns of values as they are believed to be.
            structure: the rows' structure.
        """
        answers = self.answers(draws, structure)
        answers, centred = answers - answers.mean(0), draws - draws.mean(0)
        covariance = answers.T @ centred / len(draws)
        variance = np.einsum("dr,dr->r", centred, centred) / len(draws)
        noise = answers.var(0)[:, None] * variance / len(draws)
        return np.asarray(np.maximum(covariance**2 - noise, 0.0).sum(0) / np.maximum(variance, 1e-300))

    def linearised(
        self, draws: Float[np.ndarray, "draws rows"], structure: Structure
    ) -> Float[np.ndarray, "outputs rows"]:
        """Return linear functionals whose summed variance is about the answer's; asked of the design `linearised`.

        Args:
            draws: columns of values as they are believed to be.
            structure: the rows' structure.

        Raises:
            FunctionalError: the functional names this design and does not say how.
        """
        raise FunctionalError(f"the functional {self.kind!r} has the design `linearised`; override `linearised`")

    def contest(self, draws: Float[np.ndarray, "draws rows"], structure: Structure) -> Contest:
        """Return which rows tell contenders apart; asked of the design `contest`.

        Args:
            draws: columns of values as they are believed to be.
            structure: the rows' structure.

        Raises:
            FunctionalError: the functional names this design and does not say how.
        """
        raise FunctionalError(f"the functional {self.kind!r} has the design `contest`; override `contest`")

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
