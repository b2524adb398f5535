"""The empirical game: what every method earned on every move, its equilibrium, and how far players are from it.

Red chooses a row and pays, blue chooses a column and is paid: a game of two players and zero sum, solved as a linear
programme (von Neumann 1928; Dantzig 1951). Exploitability is what best responses to both players' mixtures gain over
each other; it is 0 at an equilibrium, and never negative. (The frame is that of empirical game-theoretic analysis:
Wellman, Methods for empirical game-theoretic analysis, 2006.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import linprog

from istar.errors import IstarError


class GameError(IstarError):
    """A matrix that is no game."""


@dataclass(frozen=True)
class Equilibrium:
    """A pair of mixtures neither of which gains by leaving it alone.

    Attributes:
        value: what blue is paid on average.
        red: the probability of each move.
        blue: that of each method.
    """

    value: float
    red: Float[np.ndarray, " moves"]
    blue: Float[np.ndarray, " methods"]


def equilibrium(paid: Float[np.ndarray, "moves methods"]) -> Equilibrium:
    """Return an equilibrium of a game.

    Args:
        paid: what red pays blue, by move and method.

    Raises:
        GameError: there is no move or no method, or a payment is no finite number.
    """
    if paid.ndim != 2 or not paid.size or not np.isfinite(paid).all():
        raise GameError(f"a game needs moves, methods and finite payments, not a matrix of shape {paid.shape}")
    value, blue = _guaranteed(paid)
    _, red = _guaranteed(-paid.T)
    return Equilibrium(value, red, blue)


def _guaranteed(paid: Float[np.ndarray, "rows columns"]) -> tuple[float, Float[np.ndarray, " columns"]]:
    """Return the most that a mixture of columns earns whichever row is chosen, and that mixture."""
    rows, columns = paid.shape
    # maximise v subject to paid @ mixture >= v in every row
    found = linprog(
        c=np.append(np.zeros(columns), -1.0),
        A_ub=np.hstack([-paid, np.ones((rows, 1))]),
        b_ub=np.zeros(rows),
        A_eq=np.append(np.ones(columns), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0.0, None)] * columns + [(None, None)],
        method="highs",
    )
    if not found.success:
        raise GameError(f"the equilibrium was not found: {found.message}")
    mixture = np.maximum(found.x[:-1], 0.0)
    return float(found.x[-1]), mixture / mixture.sum()


def exploitability(
    paid: Float[np.ndarray, "moves methods"],
    red: Float[np.ndarray, " moves"],
    blue: Float[np.ndarray, " methods"],
) -> float:
    """Return what blue's best method earns against red's mixture, less what blue's mixture earns at red's best move."""
    return float((red @ paid).max() - (paid @ blue).min())
