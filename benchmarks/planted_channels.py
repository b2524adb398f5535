"""Planted channels: what a method of known quality would say of a question, at a known price.

Every kind is a rule that makes channels of a question's true values, and of chance that the question's hash decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from jaxtyping import Float, Int

from istar.arms.planted import planted_recording
from istar.seeds import Seed
from istar.truth.effects.grid import grid_of

if TYPE_CHECKING:
    from istar.truth import Table

__all__ = ["KINDS", "Channels", "Known", "Planted", "channels_of", "planted_recording", "rows_at", "under_another_name"]

Channels: TypeAlias = Float[np.ndarray, "rows channels"]
IDLE = 15
"""Channels of noise beside the one that is good."""


@dataclass(frozen=True)
class Known:
    """What channels are made of.

    Attributes:
        truth: the values of all rows, in the readout's unit.
        candidate: the candidate of every row.
        generator: decided by the question and the kind.
    """

    truth: Float[np.ndarray, " rows"]
    candidate: Int[np.ndarray, " rows"]
    generator: np.random.Generator

    def noise(self, *size: int) -> np.ndarray:
        """Return independent standard normal numbers."""
        return self.generator.standard_normal(size or len(self.truth))

    def blurred(self, correlation: float) -> np.ndarray:
        """Return the values of rows with as much noise on top as makes their correlation with them this."""
        spread = float(self.truth.std())
        return correlation * self.truth + np.sqrt(1 - correlation**2) * spread * self.noise()


@dataclass(frozen=True)
class Planted:
    """A kind of channels.

    Attributes:
        name: what the command line and the result call it.
        fidelity: its nominal correlation with the truth.
        make: makes the channels.
        graded: whether it is one of a scale of fidelities that differ in nothing else; the slope is taken over these.
    """

    name: str
    fidelity: float
    make: Callable[[Known], np.ndarray]
    graded: bool = False

    @property
    def informative(self) -> bool:
        """Whether it says anything of the values."""
        return self.fidelity > 0


def standardised(values: np.ndarray) -> np.ndarray:
    """Return values less their mean, in standard deviations; zeros where they are all equal."""
    spread = float(values.std())
    return (values - values.mean()) / spread if spread > 0 else np.zeros_like(values, dtype=np.float64)


def rows_at(correlation: float) -> Callable[[Known], np.ndarray]:
    """Return the rule of one channel that follows rows at a correlation."""
    return lambda known: known.blurred(correlation)


def _candidates(known: Known) -> np.ndarray:
    means = np.bincount(known.candidate, known.truth) / np.bincount(known.candidate)
    return Known(means, known.candidate, known.generator).blurred(0.95)[known.candidate]


def _half(known: Known) -> np.ndarray:
    told = known.generator.permutation(int(known.candidate.max()) + 1) % 2 == 0
    return np.where(told[known.candidate], known.truth, known.truth.mean() + known.truth.std() * known.noise())


def _one_of_many(known: Known) -> np.ndarray:
    channels = known.noise(len(known.truth), IDLE + 1)
    channels[:, IDLE // 2] = known.blurred(0.95)
    return channels


KINDS: dict[str, Planted] = {
    kind.name: kind
    for kind in (
        Planted("truth", 1.0, lambda known: known.truth, graded=True),
        Planted("rows-0.99", 0.99, rows_at(0.99), graded=True),
        Planted("rows-0.95", 0.95, rows_at(0.95), graded=True),
        Planted("rows-0.8", 0.8, rows_at(0.8), graded=True),
        Planted("rows-0.5", 0.5, rows_at(0.5), graded=True),
        Planted("candidates-0.95", 0.95, _candidates),
        Planted("bent", 1.0, lambda known: np.exp(np.clip(standardised(known.truth), -8, 8))),
        Planted("flipped", 1.0, lambda known: -known.truth),
        Planted("scaled", 1.0, lambda known: 1000 * known.truth + 5000),
        Planted("half", 0.5, _half),
        Planted("one-of-sixteen", 0.95, _one_of_many),
        Planted("noise", 0.0, lambda known: known.noise(len(known.truth), 2), graded=True),
    )
}
"""In the order they are offered. `bent` is monotone, `half` the truth on half of the candidates and noise on the
others, `one-of-sixteen` one good channel among fifteen of noise."""


def channels_of(kind: Planted, table: Table) -> Channels:
    """Return the channels of a kind on a question: one row of numbers for each of its rows.

    Where all rows are of one candidate (a stream), every row stands for a candidate.
    """
    question = table.question
    candidate = grid_of(question.structure).arm
    if not candidate.any():
        candidate = np.arange(len(candidate))
    generator = Seed.root(0).split("planted", kind.name, question.hash).generator()
    made = np.asarray(kind.make(Known(table.values, candidate, generator)), dtype=np.float64)
    return made if made.ndim == 2 else made[:, None]


def under_another_name(table: Table) -> Table:
    """Return the same table as a question with another hash, which the executor does not know for the same."""
    return replace(table, question=replace(table.question, index=table.question.index + 10**6))
