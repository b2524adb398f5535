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

import numpy as np
from jaxtyping import Float, Int

from istar.executors.statistician.fidelity.level_model import LevelModel
from istar.executors.statistician.fidelity.listening import Signals
from istar.executors.statistician.fidelity.posterior import Fidelity
from istar.executors.statistician.settings import (
    JITTER,
    LEAST_LEFT,
)
from istar.executors.statistician.table_model.process import (
    Process,
    ReplicateGroup,
    square_root,
)


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
        names, levels = model.names, model.levels
        rho = dict(zip(names, fidelity.rho.tolist(), strict=True))
        loose = dict(zip(names, fidelity.loose.tolist(), strict=True))
        gone = dict(zip(names, (1 - fidelity.left).tolist(), strict=True))
        left = {each: np.maximum(1 - gone[each] * signals.told[each], LEAST_LEFT) for each in names}
        at = {each: grid.spread(levels.shares_at_rows(each, left[each])) for each in names if each != "contrasts"}
        moves = {each: grid.spread(levels.at_rows(each, signals.units[each])) for each in names}
        heard = {each: grid.spread(levels.at_rows(each, signals.heard[each])) for each in names}
        extra = [loose[each] * heard[each][..., None] for each in names if loose[each] and np.any(heard[each])]
        root = square_root(kernels.fixed_covariance, 0.0)
        scaled = kernels.fixed.copy()
        for each in ("replicates", "cells"):
            if each in at:
                scaled[:, :, model.fixed[each]] *= np.sqrt(at[each])[..., None]
        shrunk = _shrunk_arms(model, left, gone.get("cells", 0.0))
        scaled[:, :, model.fixed["arms"]] = (shrunk @ model.at_arms())[:, None, :]
        whole = np.full((grid.arms, grid.replicates, 1), np.sqrt(max(model.offset, 0.0)))
        for each, variance in model.offsets(signals.told).items():
            extra.append(grid.spread(levels.at_rows(each, np.sqrt(variance) * (signals.told[each] > 0)))[..., None])
        self.design = np.concatenate([scaled @ root, whole, *extra], axis=2)
        self.prior_mean = prior.prior_mean + sum((rho[each] * moves[each] for each in names), 0.0)
        told = grid.present & (grid.spread(levels.shares_at_rows(names[-1], signals.told[names[-1]])) > 0)
        unheard = grid.present & ~told
        if unheard.any():
            # what is said of some rows foretells the others as their values would: E[d_U|x] = E[E[d_U|d_K]|x]
            foretold = prior.condition(told, self.prior_mean).mean
            self.prior_mean = np.where(unheard, foretold, self.prior_mean)
        noise = kernels.noise * (1 - gone[names[-1]])
        self.common_root = square_root(shrunk @ kernels.common @ shrunk.T, 0.01 * noise / grid.replicates)
        self.effects, self.rank = self.design.shape[2], self.common_root.shape[1]
        self.own = prior.own
        of_cells = at[names[-1]]
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
        self.arithmetic.elementwise(grid.arms * grid.replicates, 8 * len(names))
        self.arithmetic.matmul(grid.arms, grid.arms, self.effects + grid.arms)
        self.arithmetic.elementwise(len(self.groups) * grid.arms**2, 3)


def _alike(keys: Float[np.ndarray, "any replicates"]) -> list[Int[np.ndarray, " same"]]:
    """Return the replicates grouped by equal columns."""
    _, group = np.unique(np.round(keys, 6), axis=1, return_inverse=True)
    return [np.flatnonzero(group.reshape(-1) == index) for index in range(int(group.max()) + 1)]


def _shrunk_arms(
    model: LevelModel, left: Mapping[str, Float[np.ndarray, " units"]], gone: float
) -> Float[np.ndarray, "arms arms"]:
    """Return what becomes of what all replicates of an arm share: each level of it is scaled.

    What is left of a mean over all replicates is in part what is left of its cells.

    Args:
        model: the prior of the table, level by level.
        left: the share of each unit of a level that is left.
        gone: the share of the cells' variance that is gone.
    """
    if "arms" not in model.names:
        return np.eye(model.grid.arms)

    def scaled(level: str, rest: float) -> Float[np.ndarray, " units"]:
        own, rest = model.size(level) - rest, rest if "cells" in model.names else 0.0
        common = (left[level] * (own + rest) - (1 - gone) * rest) / max(own, 1e-300)
        return np.asarray(np.sqrt(np.clip(common, LEAST_LEFT * left[level], 1.0)))

    arms = np.diag(scaled("arms", model.cell / model.grid.replicates))
    if "contrasts" not in model.names:
        return arms
    seen = model.levels.back @ model.levels.into
    contrasts = scaled("contrasts", model.dilution * model.cell)
    return np.asarray(contrasts[0] * seen + arms @ (np.eye(len(seen)) - seen))
