"""The table given a method's channels: cokriging with a correlation for each level.

Channels x, the low-fidelity observations, become a signal q_l for each level (`prior`). What is believed of the values
y beyond their prior mean m is then, level by level,

    y - m = sum_l t_l rho_l q_l(z_l) + e,    z_l ~ N(1, v_l^2 / rho_l^2),    Var e_l = (1 - t_l rho_l^2) Var (y - m)_l

with rho_l, v_l the mean and spread of the posterior of fidelity and t_l the share of a unit that known rows tell of it.
The signals shift the prior mean, the z_l are fixed effects that rows settle like any other (universal kriging with an
external drift), and e is the same Gaussian process as before with its variance components scaled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.executors.statistician.arithmetic import Arithmetic
from istar.executors.statistician.fidelity.levels import Sizes, at_rows, cleaned, levels_of, split
from istar.executors.statistician.fidelity.posterior import Evidence, Fidelity
from istar.executors.statistician.fidelity.prior import Appraisal, FidelityPrior
from istar.executors.statistician.fidelity.regression import Sums, slopes
from istar.executors.statistician.settings import (
    JITTER,
    LEAST_EXPLAINED,
    LEAST_LEFT,
    LEAST_ROWS,
    MOST_ROWS,
    SIZE_ERROR,
    STRANGE_LOOSENESS,
)
from istar.executors.statistician.table_model.process import (
    Hyperparameters,
    Kernels,
    Process,
    ReplicateGroup,
    square_root,
)
from istar.truth.effects.components import REPLICATE, ModelSpace
from istar.truth.effects.grid import Grid


class LevelModel:
    """The prior of one question's table, level by level.

    Args:
        space: the model of the question.
        beliefs: the hyperparameters.
        kernels: the same, spelled out.

    Attributes:
        levels: the levels of the grid.
        sizes: their variances.
        level: variance of the level of a replicate among what is peculiar to replicates.
        offset: variance of the mean of all rows but for the intercept; no level holds it, and no channel tells it.
    """

    def __init__(self, space: ModelSpace, beliefs: Hyperparameters, kernels: Kernels) -> None:
        """See the class docstring."""
        grid = space.grid
        self.grid, self.kernels = grid, kernels
        self.levels = levels_of(grid)
        self.level = beliefs.variances.get(REPLICATE, 0.0) if "replicates" in self.levels else 0.0
        self.fixed = {each: self._columns(space, each) for each in (*self.levels, "nothing")}
        fixed = {each: self._fixed_variance(each) for each in self.levels}
        arm = float(np.diag(kernels.common).mean()) if grid.arms > 1 else 0.0
        cell = float(np.diag(kernels.own).mean()) - self.level
        self.sizes = Sizes(
            arm + fixed.get("arms", 0.0), self.level + fixed.get("replicates", 0.0), cell + fixed.get("cells", 0.0)
        )

        every = kernels.fixed[grid.present].mean(0)
        every[self.fixed["nothing"]] = 0.0
        share = grid.present.sum(1) / grid.present.sum()
        self.offset = float(
            every @ kernels.fixed_covariance @ every
            + share @ kernels.common @ share
            + share @ kernels.own @ share / grid.replicates
        )

    def _columns(self, space: ModelSpace, level: str) -> Int[np.ndarray, " effects"]:
        """Return which fixed effects belong to a level; the intercept to none."""
        grid, found = space.grid, []
        for place, name in enumerate(space.fixed_names):
            column = grid.gather(space.fixed[:, :, place])
            if name == "intercept":
                mine = "nothing"
            elif len(self.levels) == 1:
                mine = self.levels[0]
            elif np.allclose(column, _means(column, grid.arm)[grid.arm]):
                mine = "arms"
            elif "replicates" in self.levels and np.allclose(column, _means(column, grid.replicate)[grid.replicate]):
                mine = "replicates"
            else:
                mine = "cells"
            if mine == level:
                found.append(place)
        return np.array(found, dtype=np.int64)

    def _fixed_variance(self, level: str) -> float:
        columns = self.fixed[level]
        features = self.grid.gather(np.moveaxis(self.kernels.fixed[:, :, columns], -1, 0)).T
        features = features - features.mean(0)
        return float(np.einsum("re,ef,rf->", features, self._fixed_covariance(columns), features)) / len(features)

    def _fixed_covariance(self, columns: Int[np.ndarray, " some"]) -> Float[np.ndarray, "some some"]:
        covariance: Float[np.ndarray, "some some"] = self.kernels.fixed_covariance[np.ix_(columns, columns)]
        return covariance

    def offsets(self, told: Mapping[str, Float[np.ndarray, " units"]]) -> dict[str, float]:
        """Return the prior variance of the mean of those arms, and of those replicates, of which something is told.

        Signals are about the mean of what is known; how far that lies from the rest, no channel tells.
        """
        kernels, found = self.kernels, {}
        for level in self.levels:
            heard = told[level] > 0
            if level == "cells" or heard.all() or not heard.any():
                continue
            share = heard / heard.sum()
            features = kernels.fixed[:, :, self.fixed[level]].mean(1 if level == "arms" else 0)
            mean = share @ features
            variance = float(mean @ self._fixed_covariance(self.fixed[level]) @ mean)
            if level == "arms":
                variance += float(share @ (kernels.common + kernels.own / self.grid.replicates) @ share)
            else:
                variance += self.level / int(heard.sum())
            found[level] = variance
        return found

    def covariances(
        self, rows: Int[np.ndarray, " rows"]
    ) -> tuple[Float[np.ndarray, "levels rows rows"], Float[np.ndarray, "rows rows"]]:
        """Return the prior covariance of what rows have of each level, and of their intercept."""
        grid, kernels = self.grid, self.kernels
        arm, replicate = grid.arm[rows], grid.replicate[rows]
        same = replicate[:, None] == replicate[None, :]
        own = kernels.own[np.ix_(arm, arm)] - self.level
        parts = {
            "arms": kernels.common[np.ix_(arm, arm)] if grid.arms > 1 else 0.0 * own,
            "replicates": np.where(same, self.level, 0.0),
            "cells": np.where(same, own, 0.0),
        }
        if self.levels == ("arms",):
            parts["arms"] = parts["arms"] + parts["cells"]
        found = [parts[level] + self._fixed_at(level, arm, replicate) for level in self.levels]
        found[-1] = found[-1] + JITTER * (self.sizes.arm + self.sizes.cell) * np.eye(len(rows))
        return np.stack(found), self._fixed_at("nothing", arm, replicate) + self.offset

    def _fixed_at(
        self, level: str, arm: Int[np.ndarray, " rows"], replicate: Int[np.ndarray, " rows"]
    ) -> Float[np.ndarray, "rows rows"]:
        columns = self.fixed[level]
        features = self.kernels.fixed[arm, replicate][:, columns]
        return np.asarray(features @ self._fixed_covariance(columns) @ features.T)


def _means(column: Float[np.ndarray, " rows"], unit: Int[np.ndarray, " rows"]) -> Float[np.ndarray, " units"]:
    return np.asarray(np.bincount(unit, column) / np.maximum(np.bincount(unit), 1))


def appraise(
    question: str,
    channels: Float[np.ndarray, "rows channels"],
    values: Float[np.ndarray, " rows"],
    expected: Float[np.ndarray, " rows"],
    grid: Grid,
    prices: Float[np.ndarray, " batches"],
    rows_left: Float[np.ndarray, "budgets 2"],
) -> Appraisal:
    """Return what channels were worth on a question whose whole table is known; see `Appraisal`."""
    sums: dict[str, Sums] = {}
    unit = np.ones(2 * channels.shape[1])
    known = np.isfinite(channels).all(1)
    if channels.shape[1] and known.any():
        features, unit = cleaned(channels)
        columns = np.column_stack([features, expected, values - expected])
        for level, part in split(columns, known, grid).items():
            heard = part[np.isfinite(part).all(1)]
            sums[level] = Sums.of(heard[:, :-1], heard[:, -1])
    return Appraisal(question, prices, rows_left, sums, unit)


@dataclass(frozen=True)
class Signals:
    """What the channels bought so far say, level by level.

    Attributes:
        units: the signal of each unit of a level times the share that is told of it; 0 where nothing is known.
        heard: the part of it that is the channels' alone, whose scale is uncertain.
        told: how much of each unit is told.
        scaled: what the prediction of each level was multiplied with.
        looseness: by level, how far the signal's scale may lie from 1.
        verified: signals at rows known both ways, each as the other rows teach it, where they taught the slopes.
        verified_heard: the channels' part of these.
    """

    units: Mapping[str, Float[np.ndarray, " units"]]
    heard: Mapping[str, Float[np.ndarray, " units"]]
    told: Mapping[str, Float[np.ndarray, " units"]]
    scaled: Mapping[str, float]
    looseness: Float[np.ndarray, " levels"]
    verified: Float[np.ndarray, "levels rows"]
    verified_heard: Float[np.ndarray, "levels rows"]


class Listener:
    """Hears the channels of one question.

    Args:
        model: the prior of the table, level by level.
        prior: what is known of the method.
        expected: the prior mean of each row.
        arithmetic: where the operations are counted.
        scale_weight: degrees of freedom of the overall scale.
    """

    def __init__(
        self,
        model: LevelModel,
        prior: FidelityPrior,
        expected: Float[np.ndarray, " rows"],
        arithmetic: Arithmetic,
        scale_weight: float,
    ) -> None:
        """See the class docstring."""
        self.model, self.prior, self.expected = model, prior, expected
        self.arithmetic, self.scale_weight = arithmetic, scale_weight
        correlations = prior.correlations(model.levels)
        count = len(correlations)
        self.before = Fidelity(correlations, np.full(count, 1 / count), self._looseness())

    def _looseness(self) -> Float[np.ndarray, " levels"]:
        levels = (self.prior.levels.get(each) for each in self.model.levels)
        return np.array([STRANGE_LOOSENESS if each is None else each.looseness for each in levels])

    def hear(
        self,
        channels: Float[np.ndarray, "rows channels"],
        values: Float[np.ndarray, " rows"],
        bought: Bool[np.ndarray, " rows"],
        most: int = MOST_ROWS,
    ) -> tuple[Signals, Fidelity]:
        """Return the signals of the channels bought so far, and what is believed of them.

        Args:
            channels: NaN where unknown.
            values: of the bought rows, anything elsewhere.
            bought: which rows are bought.
            most: at most so many rows known both ways are used.
        """
        known = np.isfinite(channels).all(1)
        both = np.flatnonzero(known & bought)
        if len(both) > most:
            both = both[np.linspace(0, len(both) - 1, most).astype(np.int64)]
        features, unit = cleaned(channels)
        columns = np.column_stack([features * unit if self.prior.as_given else features, self.expected])
        beyond = np.nan_to_num(values)[both] - self.expected[both]
        covariances, base = self.model.covariances(both)
        if self.prior.known:
            signals = self._known(columns, known, both)
        else:
            signals = self._strange(columns, known, both, beyond, covariances.sum(0) + base)
        if known.sum() >= LEAST_ROWS and not features[known].any():  # constant: nothing to hear, at whatever price
            return signals, Fidelity(0.0 * self.before.correlations, self.before.weights, signals.looseness)
        if len(both) == 0:
            return signals, self.before
        base = base + sum(self.model.offsets(signals.told).values())
        told = np.stack([at_rows(each, signals.told[each], self.model.grid)[both] for each in self.model.levels])
        silent = [not np.any(signals.units[each]) for each in self.model.levels]
        rho = np.where(silent, 0.0, self.before.correlations)
        weights = self.before.weights
        if not self.prior.known:
            rho = self._averaged(signals, rho)
            weights = weights * np.exp(-self._surprises(signals, rho))
        before = Fidelity(rho, weights / weights.sum(), signals.looseness)
        evidence = Evidence(
            beyond, signals.verified, signals.verified_heard, covariances, told, base, self.scale_weight
        )
        return signals, evidence.weigh(before, self.arithmetic)

    def _averaged(
        self, signals: Signals, rho: Float[np.ndarray, "hypotheses levels"]
    ) -> Float[np.ndarray, "hypotheses levels"]:
        """Return correlations of arms and replicates that are no higher than the noise of their cells allows.

        A mean over n cells has an nth of their noise, whatever else it has.
        """
        grid, levels = self.model.grid, self.model.levels
        if len(levels) == 1:
            return rho
        cells, found = levels.index("cells"), rho.copy()
        report = float((signals.units["cells"] ** 2).mean()) / signals.scaled["cells"] ** 2
        noise = report * (1 - rho[:, cells] ** 2)
        for level, count in (("arms", grid.replicates), ("replicates", grid.arms)):
            if level in levels:
                size = self.model.sizes.of(level, grid)
                most = np.sqrt(size / np.maximum(size + noise / count, 1e-300))
                found[:, levels.index(level)] = np.minimum(rho[:, levels.index(level)], most)
        return found

    def _surprises(
        self, signals: Signals, rho: Float[np.ndarray, "hypotheses levels"]
    ) -> Float[np.ndarray, " hypotheses"]:
        """Return how much each hypothesis is contradicted by the size of the signals, in nats.

        A report y + n with noise n has the variance Var y / rho^2. What a signal had to be scaled down by says how
        large rho can be, as far as Var y is known: its logarithm is off by `SIZE_ERROR` on a question, and as units are
        few.
        """
        found = np.zeros(len(rho))
        for place, level in enumerate(self.model.levels):
            excess = -2 * np.log(signals.scaled[level])
            if excess > 0:
                missed = np.maximum(excess + 2 * np.log(np.maximum(rho[:, place], 1e-3)), 0.0)
                units = max(int((signals.told[level] > 0).sum()), 1)
                found += 0.5 * missed**2 / (SIZE_ERROR**2 + 2 / units)
        return found

    def _signals(
        self,
        columns: Float[np.ndarray, "rows regressors"],
        known: Bool[np.ndarray, " rows"],
        both: Int[np.ndarray, " both"],
        fitted: Mapping[str, tuple[Float[np.ndarray, " regressors"], float]],
        left_out: Float[np.ndarray, "both regressors"] | None,
    ) -> Signals:
        """Return the signals.

        Args:
            columns: the regressors of each row.
            known: rows of which they are known.
            both: rows known both ways.
            fitted: slopes and scale of each level.
            left_out: the slopes that the other rows known both ways teach, for each of them.
        """
        grid, model = self.model.grid, self.model
        units, heard, told, verified, verified_heard = {}, {}, {}, [], []
        for level, part in split(columns, known, grid).items():
            told[level] = model.sizes.covered(level, known, grid)
            said = np.nan_to_num(part)
            beta, scale = fitted.get(level, (np.zeros(columns.shape[1]), 0.0))
            units[level] = scale * told[level] * (said @ beta)
            heard[level] = scale * told[level] * (said[:, :-1] @ beta[:-1])
            if left_out is None:
                verified.append(at_rows(level, units[level], grid)[both])
                verified_heard.append(at_rows(level, heard[level], grid)[both])
            else:
                mine = scale * at_rows(level, told[level][:, None] * said, grid)[both] * left_out
                verified.append(mine.sum(1))
                verified_heard.append(mine[:, :-1].sum(1))
        self.arithmetic.elementwise(columns.size, 4 * len(model.levels))
        scaled = {level: fitted[level][1] if level in fitted else 1.0 for level in model.levels}
        return Signals(units, heard, told, scaled, self._looseness(), np.stack(verified), np.stack(verified_heard))

    def _known(
        self,
        columns: Float[np.ndarray, "rows regressors"],
        known: Bool[np.ndarray, " rows"],
        both: Int[np.ndarray, " both"],
    ) -> Signals:
        fitted = {
            level: (each.slopes, each.scale)
            for level, each in self.prior.levels.items()
            if each.slopes is not None and len(each.slopes) == columns.shape[1]
        }
        return self._signals(columns, known, both, fitted, None)

    def _strange(
        self,
        columns: Float[np.ndarray, "rows regressors"],
        known: Bool[np.ndarray, " rows"],
        both: Int[np.ndarray, " both"],
        beyond: Float[np.ndarray, " both"],
        covariance: Float[np.ndarray, "both both"],
    ) -> Signals:
        """Return the signals of a method never heard before: rows known both ways teach the slopes."""
        width = columns.shape[1]
        if len(both) < LEAST_ROWS:
            return self._signals(columns, known, both, {}, None)
        columns = self._apart_from_expected(columns, known)
        factor = np.linalg.cholesky(covariance + 1e-9 * np.trace(covariance) / len(both) * np.eye(len(both)))
        white = np.linalg.solve(factor, np.column_stack([columns[both], beyond]))
        self.arithmetic.cholesky(len(both))
        self.arithmetic.triangular_solve(len(both), width + 1)
        whole = Sums.of(white[:, :-1], white[:, -1])
        beta = slopes(whole)
        left_out = np.stack(
            [
                slopes(
                    Sums(
                        whole.inner - np.outer(row[:-1], row[:-1]),
                        whole.side - row[:-1] * row[-1],
                        whole.total - row[-1] ** 2,
                        whole.units - 1,
                    )
                )
                for row in white
            ]
        )
        self.arithmetic.flops += 2 * len(both) * (2 * width**3 + 8 * width**2)
        missed = white[:, -1] - (white[:, :-1] * left_out).sum(1)
        explained = 1 - float(missed @ missed) / max(whole.total, 1e-300)
        report, fitted = beta / max(explained, LEAST_EXPLAINED), {}
        for level, part in split(columns, known, self.model.grid).items():
            said = part[np.isfinite(part).all(1)] @ report
            # a report of more variance than the values have is part noise
            there = self.model.sizes.of(level, self.model.grid)
            excess = max(float((said**2).mean()) / max(there, 1e-300), 1.0) if len(said) else 1.0
            fitted[level] = (report, float(1 / np.sqrt(excess)))
        return self._signals(columns, known, both, fitted, left_out / max(explained, LEAST_EXPLAINED))

    def _apart_from_expected(
        self, columns: Float[np.ndarray, "rows regressors"], known: Bool[np.ndarray, " rows"]
    ) -> Float[np.ndarray, "rows regressors"]:
        """Return what each level of the channels has beyond its regression on the prior mean.

        The values beyond their prior mean do not go with it; so what channels that foretell the values hold of it can
        be told from all rows that have channels, and needs none of the few that are known both ways.
        """
        apart = np.zeros_like(columns)
        for level, part in split(columns, known, self.model.grid).items():
            said = np.nan_to_num(part)
            size = float(said[:, -1] @ said[:, -1])
            if size > 1e-12 * self.model.sizes.of(level, self.model.grid):
                said = said - np.outer(said[:, -1], said[:, -1] @ said / size)
            apart += at_rows(level, said, self.model.grid)
        apart[:, -1] = 0.0
        return np.where(known[:, None], apart, np.nan)


class InformedProcess(Process):
    """What is believed of a table once channels are heard; see the module.

    Args:
        prior: the belief before.
        model: the same, level by level.
        signals: what the channels say.
        fidelity: what is believed of them.
    """

    def __init__(self, prior: Process, model: LevelModel, signals: Signals, fidelity: Fidelity) -> None:
        """See the class docstring."""
        grid, kernels = prior.grid, model.kernels
        self.grid, self.arithmetic, self.scale_weight = grid, prior.arithmetic, prior.scale_weight
        self.informed = True
        rho = dict(zip(model.levels, fidelity.rho.tolist(), strict=True))
        loose = dict(zip(model.levels, fidelity.loose.tolist(), strict=True))
        gone = dict(zip(model.levels, (1 - fidelity.left).tolist(), strict=True))
        left = {each: np.maximum(1 - gone[each] * signals.told[each], LEAST_LEFT) for each in model.levels}
        at = {each: grid.spread(at_rows(each, left[each], grid)) for each in model.levels}
        moves = {each: grid.spread(at_rows(each, signals.units[each], grid)) for each in model.levels}
        heard = {each: grid.spread(at_rows(each, signals.heard[each], grid)) for each in model.levels}
        extra = [loose[each] * heard[each][..., None] for each in model.levels if loose[each] and np.any(heard[each])]
        root = square_root(kernels.fixed_covariance, 0.0)
        scaled = kernels.fixed.copy()
        for each in model.levels:
            scaled[:, :, model.fixed[each]] *= np.sqrt(at[each])[..., None]
        whole = np.full((grid.arms, grid.replicates, 1), np.sqrt(max(model.offset, 0.0)))
        for each, variance in model.offsets(signals.told).items():
            heard_of = grid.spread(at_rows(each, np.sqrt(variance) * (signals.told[each] > 0), grid))
            extra.append(heard_of[..., None])
        self.design = np.concatenate([scaled @ root, whole, *extra], axis=2)
        self.prior_mean = prior.prior_mean + sum((rho[each] * moves[each] for each in model.levels), 0.0)
        last = "cells" if "cells" in model.levels else "arms"
        told = grid.present & (grid.spread(at_rows(last, signals.told[last], grid)) > 0)
        unheard = grid.present & ~told
        if unheard.any():
            # what is said of some rows foretells the others as their values would: E[d_U|x] = E[E[d_U|d_K]|x]
            foretold = prior.condition(told, self.prior_mean).mean
            self.prior_mean = np.where(unheard, foretold, self.prior_mean)
        sizes = model.sizes
        shrink_arms = np.ones(grid.arms)
        if "arms" in model.levels:
            of_cell = 1 - gone.get("cells", 0.0)
            rest = sizes.cell / grid.replicates if "cells" in model.levels else 0.0
            variance = sizes.arm + rest
            # what is left of a mean over all replicates is in part what is left of its cells
            common = (left["arms"] * variance - of_cell * rest) / max(sizes.arm, 1e-300)
            shrink_arms = np.sqrt(np.clip(common, LEAST_LEFT * left["arms"], 1.0))
        common = kernels.common * np.outer(shrink_arms, shrink_arms)
        noise = kernels.noise * (1 - gone.get("cells", gone.get("arms", 0.0)))
        self.common_root = square_root(common, 0.01 * noise / grid.replicates)
        self.effects, self.rank = self.design.shape[2], self.common_root.shape[1]
        self.own = prior.own
        of_cells = at["cells"] if "cells" in at else at["arms"]
        keys = np.concatenate([of_cells, at["replicates"]]) if "replicates" in at else of_cells
        self.groups = []
        for replicates in _alike(keys):
            shrink = np.sqrt(of_cells[:, replicates[0]])
            level = model.level * (float(at["replicates"][:, replicates[0]].max()) if "replicates" in at else 1.0)
            own = (prior.own - model.level) * np.outer(shrink, shrink) + level
            jitter = JITTER * float(np.trace(own)) / grid.arms
            alone = None if kernels.alone is None else kernels.alone * shrink**2 + jitter
            self.groups.append(ReplicateGroup(replicates, own + jitter * np.eye(grid.arms), self.common_root, alone))
        self.arithmetic.cholesky(grid.arms)
        self.arithmetic.elementwise(grid.arms * grid.replicates, 8 * len(model.levels))
        self.arithmetic.elementwise(len(self.groups) * grid.arms**2, 3)


def _alike(keys: Float[np.ndarray, "any replicates"]) -> list[Int[np.ndarray, " same"]]:
    """Return the replicates grouped by equal columns."""
    _, group = np.unique(np.round(keys, 6), axis=1, return_inverse=True)
    return [np.flatnonzero(group.reshape(-1) == index) for index in range(int(group.max()) + 1)]
