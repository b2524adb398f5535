"""Covariances of exchangeable quantities (compound symmetry): every two of them covary alike.

Many arms of which nothing is known but their names, as the candidates of an audit, are exchangeable before they are
looked at, and those not looked at yet remain so. With s the covariance of every two and p the variance that is each
one's own, n of them being seen,

    C = s 11' + p I,    C^-1 = (I - t 11') / p,    t = s / (p + n s)

so that E[x_i | seen] = t times the sum of the seen ones, and the unseen ones have the covariance of the same kind with
p t in the place of s: conditioning needs no factorisation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from istar.executors.statistician.settings import CLOSE, MANY


@dataclass(frozen=True)
class Exchangeable:
    """The covariance `shared + peculiar * identity`.

    Attributes:
        shared: covariance of every two quantities; 0 or more.
        peculiar: variance that is each one's alone; above 0.
    """

    shared: float
    peculiar: float

    def matrix(self, count: int) -> Float[np.ndarray, "count count"]:
        """Return the covariance of so many of them."""
        matrix: Float[np.ndarray, "count count"] = self.shared + self.peculiar * np.eye(count)
        return matrix

    def slope(self, seen: int) -> float:
        """Return how the expectation of one depends on each of others that were seen."""
        return self.shared / (self.peculiar + seen * self.shared)

    def given(self, seen: int) -> Exchangeable:
        """Return the covariance of the others when so many were seen."""
        return Exchangeable(self.peculiar * self.slope(seen), self.peculiar)

    def product(
        self, left: Float[np.ndarray, "count m"], right: Float[np.ndarray, "count n"]
    ) -> Float[np.ndarray, "m n"]:
        """Return left' C^-1 right, where C is the covariance of as many quantities as there are rows."""
        both: Float[np.ndarray, "m n"] = left.T @ right
        both -= self.slope(len(left)) * np.outer(left.sum(0), right.sum(0))
        both /= self.peculiar
        return both

    def draws(
        self, shape: tuple[int, int, int], generator: np.random.Generator
    ) -> Float[np.ndarray, "draws count replicates"]:
        """Return draws of so many quantities, independent between replicates."""
        draws, count, replicates = shape
        fresh = generator.standard_normal((draws, count + 1, replicates))
        drawn: Float[np.ndarray, "draws count replicates"] = np.sqrt(self.peculiar) * fresh[:, 1:]
        drawn += np.sqrt(self.shared) * fresh[:, :1]
        return drawn


def exchangeable(covariance: Float[np.ndarray, "arms arms"]) -> Exchangeable | None:
    """Return a covariance of many arms in two numbers, or None where it is another kind, or they are few."""
    if len(covariance) < MANY:
        return None
    shared, variance = float(covariance[0, 1]), float(covariance[0, 0])
    if not 0 <= shared < variance:
        return None
    found = Exchangeable(shared, variance - shared)
    same = np.allclose(covariance, found.matrix(len(covariance)), rtol=0.0, atol=CLOSE * found.peculiar)
    return found if same else None
