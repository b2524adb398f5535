"""The posterior of a whole table, given some of its cells: a Gaussian process over arms, replicated.

Cell (a, r) is `X[a, r] b + g(a) + h_r(a)` with b ~ N(m, S), g ~ N(0, K), and h_r ~ N(0, V) independently for every
replicate. Given u = (b, g), replicates are independent, so conditioning on any set of cells costs one factorisation
a distinct pattern of observed arms, plus one of the size of u: never one of the size of the table. This is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dpstrf

from istar.executors.arithmetic import Arithmetic
from istar.executors.components import ModelSpace
from istar.executors.exchangeable import Exchangeable, exchangeable
from istar.executors.grid import Grid

JITTER = 1e-8
NEGLIGIBLE = 0.01
"""Directions of g are left out whose variance is under this share of that of a mean over all replicates of h."""


@dataclass(frozen=True)
class Hyperparameters:
    """What is believed of a question before anything is bought.

    Attributes:
        fixed_mean: prior mean of the fixed effects, in the readout's unit.
        fixed_covariance: their prior covariance.
        variances: variance of each component of the model space, by name.
        scale_weight: how many observations the belief in the overall scale of the variances is worth.
    """

    fixed_mean: Float[np.ndarray, " effects"]
    fixed_covariance: Float[np.ndarray, "effects effects"]
    variances: Mapping[str, float]
    scale_weight: float = 20.0


def _square_root(matrix: Float[np.ndarray, "n n"], floor: float) -> Float[np.ndarray, "n rank"]:
    """Return F with F F' = matrix up to a remainder whose variances are all at most `floor`, of the least rank."""
    if len(matrix) == 0:
        return np.zeros((0, 0))
    packed, pivots, rank, _ = dpstrf(np.asfortranarray(matrix), tol=max(floor, 0.0), lower=1)
    root = np.zeros((len(matrix), rank))
    root[pivots - 1] = np.tril(packed)[:, :rank]
    return root


@dataclass(frozen=True)
class Kernels:
    """A prior over a table, spelled out.

    Attributes:
        fixed: features of the fixed effects.
        fixed_mean: prior mean of the fixed effects.
        fixed_covariance: their prior covariance.
        common: covariance over arms of the common part g.
        own: covariance over arms of the peculiar parts h_r.
        scale_weight: how many observations the belief in the overall scale is worth.
        noise: variance that is each cell's alone.
    """

    fixed: Float[np.ndarray, "arms replicates effects"]
    fixed_mean: Float[np.ndarray, " effects"]
    fixed_covariance: Float[np.ndarray, "effects effects"]
    common: Float[np.ndarray, "arms arms"]
    own: Float[np.ndarray, "arms arms"]
    scale_weight: float
    noise: float


def kernels_of(space: ModelSpace, beliefs: Hyperparameters, shares: Mapping[str, float] | None = None) -> Kernels:
    """Return the prior of a question.

    Args:
        space: the model of the question.
        beliefs: the hyperparameters.
        shares: factors on the variances of components by name, 1 where absent.
    """
    grid = space.grid

    def factor(name: str) -> float:
        return beliefs.variances[name] * (1.0 if shares is None else shares.get(name, 1.0))

    zero = np.zeros((grid.arms, grid.arms))
    common = sum((factor(f"common.{name}") * each for name, each in space.common.items()), zero)
    own = sum((factor(f"own.{name}") * each for name, each in space.own.items()), zero)
    return Kernels(
        space.fixed, beliefs.fixed_mean, beliefs.fixed_covariance, common, own, beliefs.scale_weight, factor("own.cell")
    )


@dataclass(frozen=True)
class ReplicateGroup:
    """Replicates of which the same is believed before values are known.

    Attributes:
        replicates: which replicates.
        own: covariance over arms of what is peculiar to each of them.
        common_root: how the arms depend on the coordinates of what is common to all replicates.
    """

    replicates: Int[np.ndarray, " same"]
    own: Float[np.ndarray, "arms arms"]
    common_root: Float[np.ndarray, "arms rank"]


def same_columns(mask: Bool[np.ndarray, "arms replicates"]) -> list[Int[np.ndarray, " same"]]:
    """Return the replicates grouped by equal columns of a mask."""
    _, group = np.unique(np.packbits(mask, axis=0).T, axis=0, return_inverse=True)
    return [np.flatnonzero(group.reshape(-1) == index) for index in range(int(group.max()) + 1)]


def information(
    factor: Float[np.ndarray, "seen seen"],
    design: Float[np.ndarray, "seen same effects"],
    root: Float[np.ndarray, "seen rank"],
    rest: Float[np.ndarray, "seen same"],
    arithmetic: Arithmetic,
) -> tuple[Float[np.ndarray, "size size"], Float[np.ndarray, " size"], float]:
    """Return what cells of alike replicates say of the shared coordinates: precision, its pull, and their square.

    Args:
        factor: Cholesky factor of the cells' own covariance in one replicate.
        design: how the cells depend on the fixed effects' coordinates.
        root: how they depend on the common part's coordinates.
        rest: the cells' values beyond their prior mean.
        arithmetic: where the operations are counted.
    """
    seen, same, effects = design.shape
    rank = root.shape[1]
    common = solve_triangular(factor, root, lower=True, check_finite=False)
    fixed = solve_triangular(factor, design.reshape(seen, -1), lower=True, check_finite=False)
    fixed = fixed.reshape(seen, same, effects)
    white = solve_triangular(factor, rest, lower=True, check_finite=False)
    flat = fixed.reshape(-1, effects)
    cross = fixed.sum(1).T @ common
    precision = np.block([[flat.T @ flat, cross], [cross.T, same * (common.T @ common)]])
    shift = np.concatenate([flat.T @ white.reshape(-1), common.T @ white.sum(1)])
    arithmetic.triangular_solve(seen, rank + same * (effects + 1))
    arithmetic.matmul(rank, seen, rank)
    return precision, shift, float((white**2).sum())


class Process:
    """The belief about a table before values are known, ready to be conditioned.

    Args:
        grid: rows as arms by replicates.
        kernels: the prior.
        arithmetic: where the operations are counted.

    Attributes:
        effects: how many coordinates the fixed effects have.
        rank: how many the common part has.
        design: how cells depend on the fixed effects' coordinates.
        prior_mean: mean of every cell where all coordinates are 0.
        groups: what is believed of the replicates, given the coordinates.
        precision: precision of the coordinates.
        shift: precision times mean of the coordinates.
        informed: whether channels have been heard.
    """

    design: Float[np.ndarray, "arms replicates effects"]
    prior_mean: Float[np.ndarray, "arms replicates"]

    def __init__(self, grid: Grid, kernels: Kernels, arithmetic: Arithmetic) -> None:
        """See the class docstring."""
        arms = grid.arms
        own = kernels.own + JITTER * (np.trace(kernels.own) + np.trace(kernels.common)) / arms * np.eye(arms)
        self.grid, self.arithmetic = grid, arithmetic
        self.scale_weight = kernels.scale_weight
        self.informed = False
        fixed_root = _square_root(kernels.fixed_covariance, 0.0)
        self.common_root = _square_root(kernels.common, NEGLIGIBLE * kernels.noise / grid.replicates)
        self.own = own
        self.effects, self.rank = fixed_root.shape[1], self.common_root.shape[1]
        self.design = kernels.fixed @ fixed_root
        self.prior_mean = kernels.fixed @ kernels.fixed_mean
        self.groups = [ReplicateGroup(np.arange(grid.replicates), own, self.common_root)]
        self.precision, self.shift = np.eye(self.effects + self.rank), np.zeros(self.effects + self.rank)
        arithmetic.cholesky(arms)

    def condition(
        self, observed: Bool[np.ndarray, "arms replicates"], values: Float[np.ndarray, "arms replicates"]
    ) -> Posterior:
        """Return the posterior given the values of the observed cells; other entries of `values` are ignored."""
        return Posterior(self, observed, values)


@dataclass(frozen=True)
class _Pattern:
    """Replicates that were observed at the same arms, and what they share.

    Attributes:
        replicates: which replicates.
        seen: the observed arms.
        regression: E[h(all arms) | h(seen arms)] as a matrix.
        remainder: covariance of h that remains.
        lift: how the unexplained part of every cell depends on g's coordinates.
        fixed_lift: the same for the fixed effects' coordinates, replicate by replicate.
        alike: the covariance that remains of the other arms, where it is that of many exchangeable ones.
    """

    replicates: Int[np.ndarray, " same"]
    seen: Int[np.ndarray, " seen"]
    regression: Float[np.ndarray, "arms seen"]
    remainder: Float[np.ndarray, "arms arms"]
    lift: Float[np.ndarray, "arms rank"]
    fixed_lift: Float[np.ndarray, "same arms effects"]
    alike: Exchangeable | None = None


Information = tuple[Float[np.ndarray, "size size"], Float[np.ndarray, " size"], float]
"""What cells say of the shared coordinates: precision, its pull, and their square."""


def _look(
    process: Process,
    group: ReplicateGroup,
    replicates: Int[np.ndarray, " same"],
    seen: Int[np.ndarray, " seen"],
    rest: Float[np.ndarray, "seen same"],
) -> tuple[_Pattern, Information]:
    """Return what replicates seen at the same arms leave open, and what they say.

    Args:
        process: the belief before.
        group: what is believed of each of the replicates.
        replicates: which they are.
        seen: the arms.
        rest: the cells' values beyond their prior mean.
    """
    own, root, count, arms = group.own, group.common_root, process.arithmetic, process.grid.arms
    design = np.moveaxis(process.design[:, replicates], 1, 0)
    factor = np.linalg.cholesky(own[np.ix_(seen, seen)])
    said = information(factor, process.design[np.ix_(seen, replicates)], root[seen], rest, count)
    regression = cho_solve((factor, True), own[seen], check_finite=False).T
    remainder = own - regression @ own[seen]
    remainder[seen] = 0.0
    remainder[:, seen] = 0.0
    lift = root - regression @ root[seen]
    fixed_lift = design - np.einsum("as,rse->rae", regression, design[:, seen])
    count.cholesky(len(seen))
    count.triangular_solve(len(seen), 2 * arms)
    count.matmul(arms, len(seen), arms + process.rank + process.effects * len(replicates))
    return _Pattern(replicates, seen, regression, remainder, lift, fixed_lift), said


def _look_at_alike(
    process: Process,
    group: ReplicateGroup,
    alike: Exchangeable,
    replicates: Int[np.ndarray, " same"],
    seen: Int[np.ndarray, " seen"],
    rest: Float[np.ndarray, "seen same"],
) -> tuple[_Pattern, Information]:
    """Return the same as `_look` for many exchangeable arms, without any factorisation."""
    root, count, arms = group.common_root, process.arithmetic, process.grid.arms
    design = np.moveaxis(process.design[:, replicates], 1, 0)
    seen_root, seen_design = root[seen], design[:, seen]
    fixed = sum((alike.product(each, each) for each in seen_design), np.zeros((process.effects, process.effects)))
    cross = alike.product(seen_design.sum(0), seen_root)
    common = len(replicates) * alike.product(seen_root, seen_root)
    pull = sum(
        (alike.product(each, values[:, None])[:, 0] for each, values in zip(seen_design, rest.T, strict=True)),
        np.zeros(process.effects),
    )
    common_pull = alike.product(seen_root, rest.sum(1)[:, None])[:, 0]
    square = float(np.trace(alike.product(rest, rest)))
    said = np.block([[fixed, cross], [cross.T, common]]), np.concatenate([pull, common_pull]), square
    unseen = np.setdiff1d(np.arange(arms), seen)
    slope, left = alike.slope(len(seen)), alike.given(len(seen))
    regression = np.zeros((arms, len(seen)))
    regression[unseen] = slope
    regression[seen, np.arange(len(seen))] = 1.0
    remainder = np.zeros((arms, arms))
    remainder[np.ix_(unseen, unseen)] = left.matrix(len(unseen))
    lift, fixed_lift = np.zeros_like(root), np.zeros_like(design)
    lift[unseen] = root[unseen] - slope * seen_root.sum(0)
    fixed_lift[:, unseen] = design[:, unseen] - slope * seen_design.sum(1, keepdims=True)
    same, wide = len(replicates), process.rank + process.effects
    count.matmul(process.rank, len(seen), process.rank + 1)
    count.matmul(process.effects, len(seen), same * (wide + 1))
    count.elementwise(arms * (process.rank + same * process.effects), 2)
    return _Pattern(replicates, seen, regression, remainder, lift, fixed_lift, left), said


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
        precision, shift, square = process.precision.copy(), process.shift.copy(), 0.0
        centred = np.where(observed, values - process.prior_mean, 0.0)
        self.patterns: list[_Pattern] = []
        for group in process.groups:
            alike = exchangeable(group.own)
            for same in same_columns(observed[:, group.replicates]):
                replicates = group.replicates[same]
                seen = np.flatnonzero(observed[:, replicates[0]])
                if len(seen) == 0:
                    design = np.moveaxis(process.design[:, replicates], 1, 0)
                    nothing = np.zeros((arms, 0))
                    root = group.common_root
                    self.patterns.append(_Pattern(replicates, seen, nothing, group.own, root, design, alike))
                    continue
                rest = centred[np.ix_(seen, replicates)]
                if alike is None:
                    pattern, said = _look(process, group, replicates, seen, rest)
                else:
                    pattern, said = _look_at_alike(process, group, alike, replicates, seen, rest)
                self.patterns.append(pattern)
                precision += said[0]
                shift += said[1]
                square += said[2]
        self.factor = np.linalg.cholesky(precision)
        self.coordinates = cho_solve((self.factor, True), shift, check_finite=False)
        count.cholesky(len(shift))
        observations = int(observed.sum())
        # what was known of the coordinates before is no surprise
        before = float(process.shift @ np.linalg.solve(process.precision, process.shift)) if process.informed else 0.0
        square -= float(shift @ self.coordinates) - before
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
        self, pattern: _Pattern, count: int, generator: np.random.Generator
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
        own = _square_root(pattern.remainder, 1e-12 * float(np.trace(process.groups[0].own)))
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
