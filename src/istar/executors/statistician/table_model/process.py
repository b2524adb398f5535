"""The belief about a whole table: a Gaussian process over arms, replicated.

Cell (a, r) is `X[a, r] b + g(a) + h_r(a)` with b ~ N(m, S), g ~ N(0, K), and h_r ~ N(0, V) independently for every
replicate. Given u = (b, g), replicates are independent, so conditioning on any set of cells costs one factorisation
a distinct pattern of observed arms, plus one of the size of u: never one of the size of the table. This is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from istar.executors.statistician.arithmetic import Arithmetic
from istar.executors.statistician.settings import JITTER, NEGLIGIBLE
from istar.executors.statistician.table_model.patterns import ReplicateGroup, square_root
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
        fixed_root = square_root(kernels.fixed_covariance, 0.0)
        self.common_root = square_root(kernels.common, NEGLIGIBLE * kernels.noise / grid.replicates)
        self.own = own
        self.effects, self.rank = fixed_root.shape[1], self.common_root.shape[1]
        self.design = kernels.fixed @ fixed_root
        self.prior_mean = kernels.fixed @ kernels.fixed_mean
        self.groups = [ReplicateGroup(np.arange(grid.replicates), own, self.common_root)]
        arithmetic.cholesky(arms)

    def condition(
        self, observed: Bool[np.ndarray, "arms replicates"], values: Float[np.ndarray, "arms replicates"]
    ) -> Posterior:
        """Return the posterior given the values of the observed cells; other entries of `values` are ignored."""
        return Posterior(self, observed, values)
