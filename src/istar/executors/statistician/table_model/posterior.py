"""What is believed of a table given some of its cells; made by `Process.condition`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.linalg import cho_solve, solve_triangular

from istar.executors.statistician.table_model.exchangeable import exchangeable
from istar.executors.statistician.table_model.patterns import Pattern, look, look_at_alike, same_columns, square_root

if TYPE_CHECKING:
    from istar.executors.statistician.table_model.process import Process


class Posterior:
    """The posterior over a table; made by `Process.condition`.

    Attributes:
        mean: posterior mean of every cell; bought cells hold their values.
        scale: posterior mean of the factor on all variances; 1 a priori.
    """

    def __init__(
        self,
        process: Process,
        observed: Bool[np.ndarray, "arms replicates"],
        values: Float[np.ndarray, "arms replicates"],
    ) -> None:
        """See `Process.condition`."""
        self.process, self.observed = process, observed
        count, arms = process.arithmetic, process.grid.arms
        size = process.effects + process.rank
        precision, shift, square = np.eye(size), np.zeros(size), 0.0
        centred = np.where(observed, values - process.prior_mean, 0.0)
        self.patterns: list[Pattern] = []
        for group in process.groups:
            alike = exchangeable(group.own)
            for same in same_columns(observed[:, group.replicates]):
                replicates = group.replicates[same]
                seen = np.flatnonzero(observed[:, replicates[0]])
                if len(seen) == 0:
                    design = np.moveaxis(process.design[:, replicates], 1, 0)
                    nothing = np.zeros((arms, 0))
                    root = group.common_root
                    self.patterns.append(Pattern(replicates, seen, nothing, group.own, root, design, alike))
                    continue
                rest = centred[np.ix_(seen, replicates)]
                if alike is None:
                    pattern, said = look(process, group, replicates, seen, rest)
                else:
                    pattern, said = look_at_alike(process, group, alike, replicates, seen, rest)
                self.patterns.append(pattern)
                precision += said[0]
                shift += said[1]
                square += said[2]
        self.factor = np.linalg.cholesky(precision)
        self.coordinates = cho_solve((self.factor, True), shift, check_finite=False)
        count.cholesky(len(shift))
        observations = int(observed.sum())
        square -= float(shift @ self.coordinates)
        self.scale = (process.scale_weight + max(square, 0.0)) / (process.scale_weight + observations)
        self.mean = self._mean(centred, values)

    def _mean(
        self, centred: Float[np.ndarray, "arms replicates"], values: Float[np.ndarray, "arms replicates"]
    ) -> Float[np.ndarray, "arms replicates"]:
        process = self.process
        fixed, common = self.coordinates[: process.effects], self.coordinates[process.effects :]
        mean = process.prior_mean + process.design @ fixed
        for group in process.groups:
            mean[:, group.replicates] += (group.common_root @ common)[:, None]
        explained = mean - process.prior_mean
        for each in self.patterns:
            if len(each.seen):
                cells = np.ix_(each.seen, each.replicates)
                mean[:, each.replicates] += each.regression @ (centred[cells] - explained[cells])
                process.arithmetic.matmul(process.grid.arms, len(each.seen), len(each.replicates))
        return np.where(self.observed, values, mean)

    def _whiten(self, vectors: Float[np.ndarray, "count size"]) -> Float[np.ndarray, "count size"]:
        """Return the vectors v as v R with R R' the posterior covariance of u's coordinates."""
        self.process.arithmetic.triangular_solve(len(self.factor), len(vectors))
        solved = solve_triangular(self.factor, vectors.T, lower=True, check_finite=False)
        whitened: Float[np.ndarray, "count size"] = solved.T
        return whitened

    def lifts(
        self, arms: Int[np.ndarray, " cells"], replicates: Int[np.ndarray, " cells"]
    ) -> Float[np.ndarray, "cells size"]:
        """Return how the unexplained part of each cell depends on u's coordinates, whitened by u's posterior."""
        effects = self.process.effects
        vectors = np.empty((len(arms), effects + self.process.rank))
        for each in self.patterns:
            where = np.full(self.process.grid.replicates, -1)
            where[each.replicates] = np.arange(len(each.replicates))
            inside = where[replicates] >= 0
            vectors[inside, :effects] = each.fixed_lift[where[replicates[inside]], arms[inside]]
            vectors[inside, effects:] = each.lift[arms[inside]]
        return self._whiten(vectors)

    def linear(self, weights: Float[np.ndarray, "outputs arms replicates"]) -> LinearAnswer:
        """Return the posterior of linear functionals of the table."""
        process = self.process
        outputs = len(weights)
        loading = np.zeros((outputs, process.effects + process.rank))
        own_covariance = np.zeros((outputs, outputs))
        own_cross = np.zeros_like(weights)
        for each in self.patterns:
            part = weights[:, :, each.replicates]
            loading[:, process.effects :] += part.sum(2) @ each.lift
            loading[:, : process.effects] += np.einsum("oar,rae->oe", part, each.fixed_lift)
            cross = np.einsum("ab,obr->oar", each.remainder, part, optimize=True)
            own_covariance += np.einsum("oar,par->op", part, cross, optimize=True)
            own_cross[:, :, each.replicates] = cross
            process.arithmetic.matmul(outputs, process.grid.arms, process.rank + process.effects)
            process.arithmetic.matmul(process.grid.arms, process.grid.arms, outputs * len(each.replicates))
        whitened = self._whiten(loading)
        mean = np.einsum("oar,ar->o", weights, self.mean)
        return LinearAnswer(mean, whitened @ whitened.T + own_covariance, whitened, own_cross)

    def covariance(
        self, arms: Int[np.ndarray, " cells"], replicates: Int[np.ndarray, " cells"]
    ) -> Float[np.ndarray, "cells cells"]:
        """Return the posterior covariance of some cells, at scale 1."""
        lifts = self.lifts(arms, replicates)
        covariance: Float[np.ndarray, "cells cells"] = lifts @ lifts.T
        self.process.arithmetic.matmul(len(arms), lifts.shape[1], len(arms))
        for each in self.patterns:
            inside = np.flatnonzero(np.isin(replicates, each.replicates))
            same = replicates[inside][:, None] == replicates[inside][None, :]
            own = each.remainder[np.ix_(arms[inside], arms[inside])]
            covariance[np.ix_(inside, inside)] += np.where(same, own, 0.0)
        return covariance

    def variance(self) -> Float[np.ndarray, "arms replicates"]:
        """Return the posterior variance of every cell, at scale 1."""
        grid = self.process.grid
        arms, replicates = np.divmod(np.arange(grid.arms * grid.replicates), grid.replicates)
        variance = (self.lifts(arms, replicates) ** 2).sum(1).reshape(grid.arms, grid.replicates)
        for each in self.patterns:
            variance[:, each.replicates] += np.diag(each.remainder)[:, None]
        return np.where(self.observed, 0.0, np.maximum(variance, 0.0))

    def draws(
        self, count: int, generator: np.random.Generator, scale: float | None = None
    ) -> Float[np.ndarray, "draws arms replicates"]:
        """Return joint posterior draws of the table; bought cells hold their values in all.

        Args:
            count: how many.
            generator: source of randomness.
            scale: factor on all variances; the posterior's own if None.
        """
        process, grid = self.process, self.process.grid
        spread = np.sqrt(self.scale if scale is None else scale)
        noise = generator.standard_normal((count, process.effects + process.rank))
        shift = solve_triangular(self.factor, noise.T, lower=True, trans="T", check_finite=False).T
        tables = np.empty((count, grid.arms, grid.replicates))
        for each in self.patterns:
            tables[:, :, each.replicates] = self._own_draws(each, count, generator)
            tables[:, :, each.replicates] += (shift[:, process.effects :] @ each.lift.T)[:, :, None]
            tables[:, :, each.replicates] += np.einsum("de,rae->dar", shift[:, : process.effects], each.fixed_lift)
        return np.where(self.observed, self.mean, self.mean + spread * tables)

    def _own_draws(
        self, pattern: Pattern, count: int, generator: np.random.Generator
    ) -> Float[np.ndarray, "draws arms same"]:
        """Return draws of what is peculiar to the replicates of a pattern."""
        process, same = self.process, len(pattern.replicates)
        arms = process.grid.arms
        if pattern.alike is not None:
            unseen = np.setdiff1d(np.arange(arms), pattern.seen)
            drawn = np.zeros((count, arms, same))
            drawn[:, unseen] = pattern.alike.draws((count, len(unseen), same), generator)
            process.arithmetic.random(count * (len(unseen) + 1) * same)
            return drawn
        own = square_root(pattern.remainder, 1e-12 * float(np.trace(process.groups[0].own)))
        fresh = generator.standard_normal((count, own.shape[1], same))
        process.arithmetic.cholesky(arms)
        process.arithmetic.random(fresh.size)
        process.arithmetic.matmul(arms, own.shape[1], count * same)
        return np.asarray(np.einsum("ab,dbr->dar", own, fresh, optimize=True))

    def skew_parts(self, arm: int = 0) -> tuple[Float[np.ndarray, "rows size"], Float[np.ndarray, " rows"]]:
        """Return, for the replicates of one arm, their whitened lifts and what variance is peculiar to each."""
        replicates = np.arange(self.process.grid.replicates)
        peculiar = np.empty(len(replicates))
        for each in self.patterns:
            peculiar[each.replicates] = max(float(each.remainder[arm, arm]), 0.0)
        return self.lifts(np.full(len(replicates), arm), replicates), peculiar


@dataclass(frozen=True)
class LinearAnswer:
    """The posterior of linear functionals.

    Attributes:
        mean: posterior mean.
        covariance: posterior covariance at scale 1.
        loading: dependence on u's coordinates, whitened by their posterior.
        own_cross: covariance with every cell through what is peculiar to its replicate.
    """

    mean: Float[np.ndarray, " outputs"]
    covariance: Float[np.ndarray, "outputs outputs"]
    loading: Float[np.ndarray, "outputs size"]
    own_cross: Float[np.ndarray, "outputs arms replicates"]
