"""The belief about a whole table: a Gaussian process over arms, replicated.

Cell (a, r) is X_ar b + g(a) + h_r(a) with b ~ N(m, S), g ~ N(0, K), and h_r ~ N(0, V) independently for every replicate
r. In coordinates that are standard normal, b = m + S^(1/2) beta, g = C gamma, h_r = F z_r + e_r with V = F F' + D and D
diagonal: a factor model (`posterior` conditions it). What differs between arms by effects of few columns, or by a level
that many arms share, takes few factors; what is each cell's alone takes none. This is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.linalg.lapack import dpstrf

from istar.executors.statistician.arithmetic import Arithmetic
from istar.executors.statistician.settings import CLOSE, JITTER, NEGLIGIBLE
from istar.executors.statistician.table_model.posterior import Posterior
from istar.truth.effects.components import ModelSpace
from istar.truth.effects.grid import Grid


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
        alone: what in `own` is each arm's alone, that noise included; None if that is not known.
    """

    fixed: Float[np.ndarray, "arms replicates effects"]
    fixed_mean: Float[np.ndarray, " effects"]
    fixed_covariance: Float[np.ndarray, "effects effects"]
    common: Float[np.ndarray, "arms arms"]
    own: Float[np.ndarray, "arms arms"]
    scale_weight: float
    noise: float
    alone: Float[np.ndarray, " arms"] | None = None


def kernels_of(space: ModelSpace, beliefs: Hyperparameters, shares: Mapping[str, float] | None = None) -> Kernels:
    """Return the prior of a question.

    Args:
        space: the model of the question.
        beliefs: the hyperparameters.
        shares: factors on the variances of components by name, 1 where absent.
    """

    def factor(name: str) -> float:
        return beliefs.variances[name] * (1.0 if shares is None else shares.get(name, 1.0))

    zero = np.zeros((space.grid.arms, space.grid.arms))
    common = sum((factor(f"common.{name}") * each for name, each in space.common.items()), zero)
    own = {name: factor(f"own.{name}") * each for name, each in space.own.items()}
    alone = [each for each in own.values() if np.count_nonzero(each) == np.count_nonzero(np.diagonal(each))]
    return Kernels(
        space.fixed,
        beliefs.fixed_mean,
        beliefs.fixed_covariance,
        common,
        sum(own.values(), zero),
        beliefs.scale_weight,
        factor("own.cell"),
        np.diagonal(sum(alone, zero)),
    )


def square_root(matrix: Float[np.ndarray, "n n"], floor: float) -> Float[np.ndarray, "n rank"]:
    """Return F with F F' = matrix up to a remainder whose variances are all at most `floor`, of the least rank."""
    if len(matrix) == 0:
        return np.zeros((0, 0))
    packed, pivots, rank, _ = dpstrf(np.asfortranarray(matrix), tol=max(floor, 0.0), lower=1)
    root = np.zeros((len(matrix), rank))
    root[pivots - 1] = np.tril(packed)[:, :rank]
    return root


@dataclass(frozen=True)
class ReplicateGroup:
    """Replicates of which the same is believed before values are known.

    Attributes:
        replicates: which replicates.
        own: covariance over arms of what is peculiar to each of them.
        common_root: how the arms depend on the coordinates of what is common to all replicates.
        alone: what in `own` is each arm's alone; None if that is not known.
        noise: D, the variance that is each cell's alone.
        root: F, how the arms depend on the replicate's own coordinates.
    """

    replicates: Int[np.ndarray, " same"]
    own: Float[np.ndarray, "arms arms"]
    common_root: Float[np.ndarray, "arms rank"]
    alone: Float[np.ndarray, " arms"] | None = None
    noise: Float[np.ndarray, " arms"] = field(init=False)
    root: Float[np.ndarray, "arms factors"] = field(init=False)

    def __post_init__(self) -> None:
        """Split the covariance; where what is each arm's alone is not known, it is as much as all can have."""
        variances = np.diagonal(self.own)
        floor = CLOSE * float(variances.mean())
        noise = self.alone
        for _ in range(2):
            if noise is None:
                noise = np.full(len(variances), np.linalg.eigvalsh(self.own)[0])
            root = square_root(self.own - np.diag(noise), floor)
            rest = variances - noise - (root**2).sum(1)
            if rest.min(initial=0.0) >= -floor:
                break
            noise = None
        object.__setattr__(self, "noise", noise + np.maximum(rest, 0.0))
        object.__setattr__(self, "root", root)


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
        groups: what is believed of the replicates, given the coordinates; these are standard normal.
    """

    design: Float[np.ndarray, "arms replicates effects"]
    prior_mean: Float[np.ndarray, "arms replicates"]

    def __init__(self, grid: Grid, kernels: Kernels, arithmetic: Arithmetic) -> None:
        """See the class docstring."""
        arms = grid.arms
        jitter = JITTER * (np.trace(kernels.own) + np.trace(kernels.common)) / arms
        self.own = kernels.own + jitter * np.eye(arms)
        self.grid, self.arithmetic = grid, arithmetic
        self.scale_weight = kernels.scale_weight
        fixed_root = square_root(kernels.fixed_covariance, 0.0)
        self.common_root = square_root(kernels.common, NEGLIGIBLE * kernels.noise / grid.replicates)
        self.effects, self.rank = fixed_root.shape[1], self.common_root.shape[1]
        self.design = kernels.fixed @ fixed_root
        self.prior_mean = kernels.fixed @ kernels.fixed_mean
        alone = None if kernels.alone is None else kernels.alone + jitter
        self.groups = [ReplicateGroup(np.arange(grid.replicates), self.own, self.common_root, alone)]
        arithmetic.cholesky(arms)
        arithmetic.cholesky(arms)

    def condition(
        self, observed: Bool[np.ndarray, "arms replicates"], values: Float[np.ndarray, "arms replicates"]
    ) -> Posterior:
        """Return the posterior given the values of the observed cells; other entries of `values` are ignored."""
        return Posterior(self, observed, values)
