"""What is believed of a table given some of its cells; made by `Process.condition`.

With u = (beta, gamma) the coordinates of what all replicates share and z_r those of replicate r's own part, all
standard normal a priori, a cell is (see `process`)

    y_ar = m_ar + X_ar beta + C_a gamma + F_a z_r + e_ar,    e_ar ~ N(0, D_a).

Let s be the cells of a replicate that were seen, y_s their values beyond m, B_s = [X_s, C]. Given u, replicates are
independent, and of unseen cells the own part has, in either of two equal ways,

    mean P' (w - A u)  and covariance  P' P + D,          L L' = I + F_s' D_s^-1 F_s,  P = L^-1 F',
                                                          [A, w] = L^-1 F_s' D_s^-1 [B_s, y_s]       (few factors), or
    mean P' (w - A u)  and covariance  F F' - P' P + D,   L L' = F_s F_s' + D_s,       P = L^-1 F_s F',
                                                          [A, w] = L^-1 [B_s, y_s]                   (few cells seen),

so that a replicate takes one factorisation of the lesser size, all replicates at once. And u has the precision
I + sum_r B_s' (F_s F_s' + D_s)^-1 B_s, where the term of a replicate is A'A for few cells and B_s' D_s^-1 B_s - A'A for
few factors: one factorisation more. This is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.linalg import cho_solve, solve_triangular

if TYPE_CHECKING:
    from istar.executors.statistician.table_model.process import Process, ReplicateGroup


Table = Float[np.ndarray, "arms replicates"]
Cells = Int[np.ndarray, " cells"]


class Normals(Protocol):
    """What gives standard normal numbers: a generator."""

    def standard_normal(self, size: tuple[int, ...]) -> Float[np.ndarray, "*size"]:
        """Return an array of them."""


@dataclass(frozen=True)
class _Look:
    """What was seen of replicates of a group, either of few cells of each or of few factors.

    Attributes:
        replicates: which they are.
        noise: D of their cells.
        root: F of their cells.
        common_root: C.
        unseen: 1 for cells that were not seen, 0 for those that were.
        inverse: L^-1.
        cross: A.
        pull: w.
        reach: P.
        cells: of few cells, which arms were seen, and 0 where there are fewer than of others; None of few factors.
        present: 1 for these cells, 0 for what stands in the place of others.
    """

    replicates: Int[np.ndarray, " same"]
    noise: Float[np.ndarray, " arms"]
    root: Float[np.ndarray, "arms factors"]
    common_root: Float[np.ndarray, "arms rank"]
    unseen: Float[np.ndarray, "same arms"]
    inverse: Float[np.ndarray, "same parts parts"]
    cross: Float[np.ndarray, "same parts size"]
    pull: Float[np.ndarray, "same parts"]
    reach: Float[np.ndarray, "same parts arms"]
    cells: Int[np.ndarray, "same parts"] | None = None
    present: Float[np.ndarray, "same parts"] | None = None

    def own(self, places: Cells, arms: Cells) -> Float[np.ndarray, "cells cells"]:
        """Return the covariance of the own parts of cells of the same replicate, all given by place and arm."""
        reach = self.reach[places, :, arms]
        own = reach @ reach.T if self.cells is None else self.root[arms] @ self.root[arms].T - reach @ reach.T
        own += np.where(arms[:, None] == arms, self.noise[arms], 0.0)
        return np.asarray(own * (places[:, None] == places))

    @property
    def variance(self) -> Float[np.ndarray, "same arms"]:
        """The variance of the own part of every cell, if it were not seen."""
        told = (self.reach**2).sum(1)
        return np.asarray(self.noise + (told if self.cells is None else (self.root**2).sum(1) - told))

    def drawn(
        self, fresh: Float[np.ndarray, "draws same more"], shared: Float[np.ndarray, "draws size"]
    ) -> Float[np.ndarray, "draws same arms"]:
        """Return draws of the own parts about their mean, but for what is each cell's alone.

        Args:
            fresh: standard normal numbers, for each replicate as many as there are factors, then cells seen.
            shared: draws of u about its mean.
        """
        (count, same, _), factors = fresh.shape, self.root.shape[1]
        own = fresh[..., :factors]
        parts = -(shared @ self.cross.reshape(-1, shared.shape[1]).T).reshape(count, same, self.reach.shape[1])
        if self.cells is None:
            parts += own
        elif parts.size and self.present is not None:
            # Matheron's rule: a draw of the prior, moved by what the seen cells say it is wrong by
            root = self.root[self.cells] * self.present[..., None]
            wrong = np.einsum("rck,drk->drc", root, own, optimize=True)
            wrong += np.sqrt(self.noise[self.cells]) * self.present * fresh[..., factors:]
            parts -= np.einsum("rpc,drc->drp", self.inverse, wrong, optimize=True)
        drawn: Float[np.ndarray, "draws same arms"] = (parts.transpose(1, 0, 2) @ self.reach).transpose(1, 0, 2)
        return drawn if self.cells is None else drawn + own @ self.root.T


class Posterior:
    """The posterior over a table; made by `Process.condition`.

    Attributes:
        mean: posterior mean of every cell; bought cells hold their values.
        scale: posterior mean of the factor on all variances; 1 a priori.
        coordinates: posterior mean of u.
    """

    def __init__(self, process: Process, observed: Bool[np.ndarray, "arms replicates"], values: Table) -> None:
        """See `Process.condition`."""
        self.process, self.observed = process, observed
        size = process.effects + process.rank
        told = np.zeros((size + 1, size + 1))
        rest = np.where(observed, values - process.prior_mean, 0.0)
        self._looks: list[_Look] = []
        for group in process.groups:
            number = observed[:, group.replicates].sum(0)
            factors = group.root.shape[1]
            few = number < factors
            for replicates, look in (
                (group.replicates[number == 0], self._few_cells),
                (group.replicates[few & (number > 0)], self._few_cells),
                (group.replicates[~few & (number > 0)], self._few_factors),
            ):
                if len(replicates):
                    self._looks.append(look(group, replicates, rest, told))
        self.factor = np.linalg.cholesky(told[:-1, :-1] + np.eye(size))
        self.coordinates = cho_solve((self.factor, True), told[-1, :-1], check_finite=False)
        process.arithmetic.cholesky(size)
        process.arithmetic.triangular_solve(size, 2)
        square = float(told[-1, -1] - told[-1, :-1] @ self.coordinates)
        self.scale = (process.scale_weight + max(square, 0.0)) / (process.scale_weight + int(observed.sum()))
        fixed, common = self.coordinates[: process.effects], self.coordinates[process.effects :]
        mean = process.prior_mean + process.design @ fixed
        for each in self._looks:
            own = ((each.pull - each.cross @ self.coordinates)[:, None] @ each.reach)[:, 0]
            mean[:, each.replicates] += (each.common_root @ common)[:, None] + own.T
        self.mean = np.where(observed, values, mean)

    def _few_cells(
        self, group: ReplicateGroup, replicates: Int[np.ndarray, " same"], rest: Table, told: Float[np.ndarray, "n n"]
    ) -> _Look:
        """Look at replicates of which fewer cells were seen than there are factors, and add up what that tells of u."""
        process, size = self.process, len(told) - 1
        seen = self.observed[:, replicates].T
        parts = int(seen.sum(1).max())
        cells = np.argsort(~seen, axis=1, kind="stable")[:, :parts]
        present = np.take_along_axis(seen, cells, axis=1).astype(np.float64)
        root, noise = group.root[cells], group.noise[cells]
        block = (root @ root.transpose(0, 2, 1)) * present[:, :, None] * present[:, None, :]
        block[:, np.arange(parts), np.arange(parts)] += np.where(present > 0, noise, 1.0)
        inverse = np.linalg.inv(np.linalg.cholesky(block))
        sides = np.empty((*cells.shape, size + 1))
        sides[..., : process.effects] = process.design[cells, replicates[:, None]]
        sides[..., process.effects : -1] = group.common_root[cells]
        sides[..., -1] = rest[cells, replicates[:, None]]
        white = inverse @ (sides * present[..., None])
        reach = inverse @ ((root * present[..., None]) @ group.root.T)
        flat = white.reshape(-1, size + 1)
        told += flat.T @ flat
        count, same, factors = process.arithmetic, len(replicates), root.shape[2]
        count.matmul(same * parts, factors, parts + process.grid.arms)
        count.flops += same * parts**3 * 2
        count.triangular_solve(parts, same * (size + 1 + process.grid.arms))
        count.matmul(size + 1, same * parts, size + 1)
        return self._looked(group, replicates, inverse, white, reach, cells, present)

    def _few_factors(
        self, group: ReplicateGroup, replicates: Int[np.ndarray, " same"], rest: Table, told: Float[np.ndarray, "n n"]
    ) -> _Look:
        """Look at replicates of which as many cells or more were seen, and add up what that tells of u."""
        process, size, effects = self.process, len(told) - 1, self.process.effects
        arms = np.flatnonzero(self.observed[:, replicates].any(1))
        weight = self.observed[np.ix_(arms, replicates)].T / group.noise[arms]
        root, common = group.root[arms], group.common_root[arms]
        design = np.concatenate(
            [process.design[np.ix_(arms, replicates)], rest[np.ix_(arms, replicates)][..., None]], 2
        )
        design = design.transpose(1, 0, 2)
        same, factors = len(replicates), root.shape[1]
        through = weight[:, None, :] * root.T
        flat = through.reshape(-1, len(arms))
        inner = (flat @ root).reshape(same, factors, factors)
        inverse = np.linalg.inv(np.linalg.cholesky(inner + np.eye(factors)))
        sides = np.empty((same, factors, size + 1))
        sides[..., effects:-1] = (flat @ common).reshape(same, factors, process.rank)
        beside = through @ design
        sides[..., :effects], sides[..., -1] = beside[..., :-1], beside[..., -1]
        white = inverse @ sides
        weighted = weight[:, :, None] * design
        plain = weighted.reshape(-1, effects + 1).T @ design.reshape(-1, effects + 1)
        mixed = weighted.sum(0).T @ common
        heavy = np.sqrt(weight.sum(0))[:, None] * common
        fixed = np.r_[:effects, size]
        told[np.ix_(fixed, fixed)] += plain
        told[fixed, effects:-1] += mixed
        told[effects:-1, fixed] += mixed.T
        told[effects:-1, effects:-1] += heavy.T @ heavy
        flat = white.reshape(-1, size + 1)
        told -= flat.T @ flat
        count = process.arithmetic
        count.matmul(same * factors, len(arms), factors + size + 1)
        count.flops += same * factors**3 * 2
        count.triangular_solve(factors, same * (size + 1 + process.grid.arms))
        count.matmul(size + 1, same * factors, size + 1)
        count.matmul(effects + 1, same * len(arms), effects + 1)
        count.matmul(process.rank, len(arms), process.rank + effects + 1)
        return self._looked(group, replicates, inverse, white, inverse @ group.root.T)

    def _looked(
        self,
        group: ReplicateGroup,
        replicates: Int[np.ndarray, " same"],
        inverse: Float[np.ndarray, "same parts parts"],
        white: Float[np.ndarray, "same parts more"],
        reach: Float[np.ndarray, "same parts arms"],
        cells: Int[np.ndarray, "same parts"] | None = None,
        present: Float[np.ndarray, "same parts"] | None = None,
    ) -> _Look:
        unseen = (~self.observed[:, replicates].T).astype(np.float64)
        roots = group.noise, group.root, group.common_root
        return _Look(replicates, *roots, unseen, inverse, white[..., :-1], white[..., -1], reach, cells, present)

    def _whiten(self, vectors: Float[np.ndarray, "count size"]) -> Float[np.ndarray, "count size"]:
        """Return the vectors v as v R with R R' the posterior covariance of u."""
        self.process.arithmetic.triangular_solve(len(self.factor), len(vectors))
        solved = solve_triangular(self.factor, vectors.T, lower=True, check_finite=False)
        whitened: Float[np.ndarray, "count size"] = solved.T
        return whitened

    def _members(self, replicates: Cells) -> Iterator[tuple[_Look, Cells, Cells]]:
        """Yield, look by look, which of some cells are in it, and the places of their replicates there."""
        for each in self._looks:
            place = np.full(self.process.grid.replicates, -1)
            place[each.replicates] = np.arange(len(each.replicates))
            inside = np.flatnonzero(place[replicates] >= 0)
            yield each, inside, place[replicates[inside]]

    def lifts(self, arms: Cells, replicates: Cells) -> Float[np.ndarray, "cells size"]:
        """Return how the unexplained part of each cell depends on u, whitened by u's posterior; 0 where it was seen."""
        process = self.process
        vectors = np.concatenate([process.design[arms, replicates], np.empty((len(arms), process.rank))], axis=1)
        for each, inside, places in self._members(replicates):
            vectors[inside, process.effects :] = each.common_root[arms[inside]]
            for place in np.unique(places) if each.reach.shape[1] else ():
                cells = inside[places == place]
                vectors[cells] -= each.reach[place][:, arms[cells]].T @ each.cross[place]
                process.arithmetic.matmul(len(cells), *each.cross[place].shape)
        vectors[self.observed[arms, replicates]] = 0.0
        return self._whiten(vectors)

    def linear(self, weights: Float[np.ndarray, "outputs arms replicates"]) -> LinearAnswer:
        """Return the posterior of linear functionals of the table."""
        process, outputs = self.process, len(weights)
        loading = np.zeros((outputs, process.effects + process.rank))
        parts = []
        for each in self._looks:
            open_ = weights[:, :, each.replicates].transpose(0, 2, 1) * each.unseen
            toward = each.reach @ open_.transpose(1, 2, 0)
            flat = toward.reshape(-1, outputs)
            design = process.design[:, each.replicates].transpose(1, 0, 2)
            loading[:, : process.effects] += open_.reshape(outputs, -1) @ design.reshape(-1, process.effects)
            loading[:, process.effects :] += open_.sum(1) @ each.common_root
            loading -= flat.T @ each.cross.reshape(len(flat), loading.shape[1])
            parts.append((each, open_, toward))
            process.arithmetic.matmul(outputs, each.reach.size + each.cross.size, 1)
            process.arithmetic.matmul(outputs, each.unseen.size * process.effects + each.common_root.size, 1)
        mean = weights.reshape(outputs, -1) @ self.mean.reshape(-1)
        return LinearAnswer(mean, self._whiten(loading), self, tuple(parts))

    def covariance(self, arms: Cells, replicates: Cells) -> Float[np.ndarray, "cells cells"]:
        """Return the posterior covariance of some cells that were not seen, at scale 1."""
        lifts = self.lifts(arms, replicates)
        covariance: Float[np.ndarray, "cells cells"] = lifts @ lifts.T
        self.process.arithmetic.matmul(len(arms), lifts.shape[1], len(arms))
        for each, inside, places in self._members(replicates):
            covariance[np.ix_(inside, inside)] += each.own(places, arms[inside])
            self.process.arithmetic.matmul(len(inside), each.reach.shape[1], len(inside))
        return covariance

    def variance(self) -> Float[np.ndarray, "arms replicates"]:
        """Return the posterior variance of every cell, at scale 1."""
        grid = self.process.grid
        arms, replicates = np.divmod(np.arange(grid.arms * grid.replicates), grid.replicates)
        variance = (self.lifts(arms, replicates) ** 2).sum(1).reshape(grid.arms, grid.replicates)
        for each in self._looks:
            variance[:, each.replicates] += each.variance.T
        return np.where(self.observed, 0.0, np.maximum(variance, 0.0))

    def draws(
        self, count: int, generator: Normals, scale: float | None = None
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
        shared = solve_triangular(self.factor, noise.T, lower=True, trans="T", check_finite=False).T
        alone = generator.standard_normal((count, grid.replicates, grid.arms))
        tables = np.empty((count, grid.replicates, grid.arms))
        for each in self._looks:
            (same, parts, arms), factors = each.reach.shape, each.root.shape[1]
            more = 0 if each.cells is None else parts
            fresh = generator.standard_normal((count, same, factors + more))
            part = each.drawn(fresh, shared)
            part += np.sqrt(each.noise) * alone[:, each.replicates]
            part += (shared[:, process.effects :] @ each.common_root.T)[:, None]
            tables[:, each.replicates] = part
            process.arithmetic.random(count * same * (factors + more + arms))
            process.arithmetic.matmul(count, same * parts, shared.shape[1] + arms)
            process.arithmetic.matmul(count, same * more, factors + parts)
            process.arithmetic.matmul(count, arms, process.rank + (same * factors if more else 0))
        design = process.design.transpose(1, 0, 2).reshape(-1, process.effects)
        tables += (shared[:, : process.effects] @ design.T).reshape(tables.shape)
        tables *= spread * ~self.observed.T
        tables += self.mean.T
        process.arithmetic.random(noise.size)
        process.arithmetic.triangular_solve(len(self.factor), count)
        process.arithmetic.matmul(count, process.effects, grid.arms * grid.replicates)
        return tables.transpose(0, 2, 1)


@dataclass(frozen=True)
class LinearAnswer:
    """The posterior of linear functionals.

    Attributes:
        mean: posterior mean.
        loading: dependence on u, whitened by its posterior.
    """

    mean: Float[np.ndarray, " outputs"]
    loading: Float[np.ndarray, "outputs size"]
    _posterior: Posterior
    _parts: tuple[tuple[_Look, Float[np.ndarray, "outputs same arms"], Float[np.ndarray, "same parts outputs"]], ...]

    @cached_property
    def variance(self) -> Float[np.ndarray, " outputs"]:
        """The posterior variance of each, at scale 1."""
        variance: Float[np.ndarray, " outputs"] = (self.loading**2).sum(1)
        for each, open_, toward in self._parts:
            told = (toward**2).sum((0, 1))
            variance += (open_**2 @ each.noise).sum(1)
            variance += told if each.cells is None else ((open_ @ each.root) ** 2).sum((1, 2)) - told
        return np.asarray(np.maximum(variance, 0.0))

    @cached_property
    def own_cross(self) -> Float[np.ndarray, "outputs arms replicates"]:
        """The covariance with every cell through what is peculiar to its replicate, at scale 1; 0 for seen cells."""
        process = self._posterior.process
        cross = np.zeros((len(self.mean), process.grid.arms, process.grid.replicates))
        for each, open_, toward in self._parts:
            told = (toward.transpose(0, 2, 1) @ each.reach).transpose(1, 0, 2)
            if each.cells is not None:
                told = (open_ @ each.root) @ each.root.T - told
            cross[:, :, each.replicates] = ((told + open_ * each.noise) * each.unseen).transpose(0, 2, 1)
            process.arithmetic.matmul(len(self.mean), each.reach.size + each.unseen.size * 2 * each.root.shape[1], 1)
        return cross
