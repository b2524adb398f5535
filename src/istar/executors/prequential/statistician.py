"""What the statistician foretells of rows: its model of the table, given the rows and channels that it holds.

A row's predictive distribution is Student's t: the table is Gaussian given the overall scale of its variances, and of
that scale w degrees of freedom are believed beforehand (`Process.scale_weight`). With n values known, a square q of
what they differ from what was expected of them, and s^2 the variance of the next row at scale 1,

    y ~ t with w + n degrees of freedom, its centre the posterior mean, its scale s sqrt((w + q) / (w + n)).

Rows bought together are told apart by the Cholesky factor L of their covariance: of the i-th, s is L_ii and what it
differs by from its centre is L_ii z_i, where L z = y - mean; n and q grow by 1 and z_i^2 with every row.

Answers may be tempered, or pooled with the blind one (`answers`); the table is what this is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import solve_triangular

from istar.executors.prequential.code import row_bits
from istar.executors.prequential.coders import row_coder
from istar.executors.statistician.knowledge import Knowledge
from istar.executors.statistician.statistician import Inquiry, Statistician
from istar.seeds import Seed

if TYPE_CHECKING:
    from istar.executors.market import Market

TOGETHER = 512
"""So many rows are written down by one factorisation; more of them change nothing but the time."""
LEAST_SHARE = 1e-12
"""Of the largest variance among rows, at least so much is left to each: rounding may make it less than nothing."""


class StatisticianCoder:
    """The statistician's beliefs about rows; see the module.

    Args:
        executor: the statistician.
        market: a market on which somebody does again what it did.
        state: what it knows beforehand.
        seed: the seed that it answered with.
    """

    def __init__(self, executor: Statistician, market: Market, state: Knowledge, seed: Seed) -> None:
        """See the class docstring."""
        variant = executor._variant(market.functional)
        self._market = market
        self._inquiry = Inquiry(market, state, variant, seed)

    def bits(
        self, rows: Int[np.ndarray, " bought"], values: Float[np.ndarray, " bought"]
    ) -> Float[np.ndarray, " bought"]:
        """See `RowCoder`."""
        return np.concatenate([np.zeros(0), *self._parts(rows, values)])

    def _parts(
        self, rows: Int[np.ndarray, " bought"], values: Float[np.ndarray, " bought"]
    ) -> Iterator[Float[np.ndarray, " part"]]:
        """Yield the bits of the rows, some at a time."""
        if len(rows) == 0:
            return
        grid, (posterior, _) = self._inquiry.space.grid, self._inquiry.desk.believe()
        process = posterior.process
        seen = grid.spread(self._market.bought)
        known = grid.spread(np.nan_to_num(self._market.known_values))
        for start in range(0, len(rows), TOGETHER):
            if start:
                posterior = process.condition(seen, known)
            some = slice(start, start + TOGETHER)
            arms, replicates = grid.arm[rows[some]], grid.replicate[rows[some]]
            covariance = posterior.covariance(arms, replicates)
            spare = LEAST_SHARE * float(np.diagonal(covariance).max())
            factor = np.linalg.cholesky(covariance + spare * np.eye(len(covariance)))
            off = values[some] - posterior.mean[arms, replicates]
            white = solve_triangular(factor, off, lower=True, check_finite=False)
            freedom = process.scale_weight + int(seen.sum()) + np.arange(len(white), dtype=np.float64)
            square = posterior.scale * freedom[0] + np.r_[0.0, np.cumsum(white**2)[:-1]]
            own = np.diagonal(factor)
            yield row_bits(values[some], values[some] - own * white, own * np.sqrt(square / freedom), freedom)
            seen[arms, replicates] = True
            known[arms, replicates] = values[some]


@row_coder.register(Statistician)
def _(executor: Statistician, market: Market, state: Knowledge, seed: Seed) -> StatisticianCoder:
    return StatisticianCoder(executor, market, state, seed)
