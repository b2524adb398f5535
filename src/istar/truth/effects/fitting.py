"""Empirical Bayes: what one complete table says about variances and fixed effects.

The marginal likelihood of a whole table is maximised over the logarithms of the variance components. A weak inverse
gamma prior keeps components that the table says nothing about away from zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import minimize
from torch import Tensor

from istar.truth.effects.components import ModelSpace

VAGUE = 25.0
"""Prior variance of a fixed effect during the fit, in units of the table's variance."""
PRIOR_STRENGTH = 0.5
"""Shape of the inverse gamma prior on a component; its mode is 1% of the table's variance."""
ITERATIONS = 40
"""Most iterations of the optimiser (L-BFGS-B)."""


@dataclass(frozen=True)
class TableFit:
    """The statistics of one complete table.

    Attributes:
        variances: variance of every component, in squared units of the readout.
        fixed: estimates of the fixed effects, by name.
        fixed_covariance: covariance of the estimates' errors, in the order of `fixed`.
    """

    variances: dict[str, float]
    fixed: dict[str, float]
    fixed_covariance: tuple[tuple[float, ...], ...]


class _Likelihood:
    """The marginal log-likelihood of a table in standard units, as a function of log variances."""

    def __init__(self, space: ModelSpace, values: Float[np.ndarray, "arms replicates"]) -> None:
        grid = space.grid

        def tensor(array: Float[np.ndarray, "*shape"]) -> Tensor:
            return torch.tensor(np.asarray(array, dtype=np.float64))

        self.effects = len(space.fixed_names)
        self.arms = grid.arms
        self.common = torch.stack([tensor(each) for each in space.common.values()]) if space.common else None
        self.own = torch.stack([tensor(each) for each in space.own.values()])
        present = grid.present
        _, first, group = np.unique(np.packbits(present, axis=0).T, axis=0, return_index=True, return_inverse=True)
        self.patterns = []
        for index, representative in enumerate(first):
            replicates = np.flatnonzero(group.reshape(-1) == index)
            seen = np.flatnonzero(present[:, representative])
            cells = np.ix_(seen, replicates)
            self.patterns.append((tensor(values[cells]), tensor(space.fixed[cells]), torch.tensor(seen)))

    def __call__(self, log_variances: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the log-likelihood, and the posterior mean and covariance of the fixed effects."""
        variances = log_variances.exp()
        groups = 0 if self.common is None else len(self.common)
        own = torch.einsum("k,kab->ab", variances[groups:], self.own)
        root = torch.zeros((self.arms, 0), dtype=torch.float64)
        if self.common is not None:
            common = torch.einsum("k,kab->ab", variances[:groups], self.common)
            root = torch.linalg.cholesky(common + 1e-9 * torch.eye(self.arms, dtype=torch.float64))
        size = self.effects + root.shape[1]
        precision, shift = torch.eye(size, dtype=torch.float64), torch.zeros(size, dtype=torch.float64)
        total = torch.zeros((), dtype=torch.float64)
        for values, fixed, seen in self.patterns:
            count = values.shape[1]
            factor = torch.linalg.cholesky(own[seen][:, seen] + 1e-9 * torch.eye(len(seen), dtype=torch.float64))
            stacked = torch.cat([values, fixed.reshape(len(seen), -1) * VAGUE**0.5, root[seen]], dim=1)
            white = torch.linalg.solve_triangular(factor, stacked, upper=False)
            rest, middle = white[:, :count], white[:, count : count * (1 + self.effects)]
            per_cell, common = middle.reshape(len(seen), count, self.effects), white[:, count * (1 + self.effects) :]
            flat = per_cell.reshape(-1, self.effects)
            cross = per_cell.sum(1).T @ common
            block = torch.cat(
                [torch.cat([flat.T @ flat, cross], 1), torch.cat([cross.T, count * common.T @ common], 1)]
            )
            precision = precision + block
            shift = shift + torch.cat([flat.T @ rest.reshape(-1), common.T @ rest.sum(1)])
            total = total - 0.5 * (rest**2).sum() - count * factor.diagonal().log().sum()
        factor = torch.linalg.cholesky(precision)
        solved = torch.cholesky_solve(shift[:, None], factor)[:, 0]
        total = total + 0.5 * shift @ solved - factor.diagonal().log().sum()
        unit = torch.eye(size, dtype=torch.float64)[:, : self.effects]
        covariance = torch.cholesky_solve(unit, factor)[: self.effects] * VAGUE
        return total, solved[: self.effects] * VAGUE**0.5, covariance


def fit_table(space: ModelSpace, values: Float[np.ndarray, " rows"]) -> TableFit:
    """Return the maximum-marginal-likelihood statistics of a complete table.

    Args:
        space: the model of the question.
        values: the value of every row.
    """
    centre, spread = float(values.mean()), float(values.std())
    spread = spread if spread > 0 else 1.0
    likelihood = _Likelihood(space, space.grid.spread((values - centre) / spread))

    def objective(log_variances: Float[np.ndarray, " components"]) -> tuple[float, Float[np.ndarray, " components"]]:
        point = torch.tensor(log_variances, requires_grad=True)
        prior = -PRIOR_STRENGTH * (point + 0.01 * torch.exp(-point)).sum()
        negative = -(likelihood(point)[0] + prior)
        negative.backward()  # type: ignore[no-untyped-call]
        assert point.grad is not None
        return float(negative.detach()), point.grad.numpy()

    start = np.full(len(space.names), np.log(1.0 / len(space.names)))
    bounds = [(np.log(1e-5), np.log(20.0))] * len(start)
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": ITERATIONS})
    with torch.no_grad():
        _, mean, covariance = likelihood(torch.tensor(found.x))
    fixed, errors = mean.numpy(), covariance.numpy() * spread**2
    effects = dict(zip(space.fixed_names, (fixed * spread).tolist(), strict=True))
    effects["intercept"] += centre
    variances = dict(zip(space.names, (np.exp(found.x) * spread**2).tolist(), strict=True))
    return TableFit(variances, effects, tuple(tuple(row) for row in errors.tolist()))
