"""The belief about a table seen at two fidelities: channels of many rows, values of a few.

A channel's signal is a noisy look at the value (`evidence`), so it changes what is believed before rows are bought.
Given signals, the table still is fixed effects, a common part and parts peculiar to replicates, only with other means
and covariances: a `Process` like the prior, to be conditioned on bought values in the same way. The noise's own common
part and fixed effects become further coordinates of what all replicates share. This is exact; compare the co-kriging
of Kennedy and O'Hagan (2000).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy.linalg import cho_solve

from istar.executors.components import ModelSpace
from istar.executors.evidence import REPLICATE, ChannelNoise, Worth
from istar.executors.patterns import ReplicateGroup, information, same_columns
from istar.executors.process import Hyperparameters, Kernels, Process

VAGUE = 10.0
"""Variance of the signal's overall level, in units of the values' prior variance; at most that in a replicate, too."""
NEGLIGIBLE = 1e-3
"""Directions of the noise's common part are left out whose variance is under this share of its mean variance."""


def noise_kernels(space: ModelSpace, beliefs: Hyperparameters, noise: ChannelNoise) -> Kernels:
    """Return the prior of the signal's noise.

    Args:
        space: the model of the question.
        beliefs: the hyperparameters of the values.
        noise: the size of the noise.
    """
    arms = space.grid.arms
    total = sum(beliefs.variances.values())
    common = np.zeros((arms, arms))
    for name, kernel in space.common.items():
        common += noise.smooth * beliefs.variances[f"common.{name}"] * kernel
    own = noise.rough * np.eye(arms)
    for name, kernel in space.own.items():
        size = noise.smooth * beliefs.variances[f"own.{name}"]
        if f"own.{name}" == REPLICATE:
            size = min(noise.level, VAGUE * total)
        own += size * kernel
    covariance = noise.smooth * beliefs.fixed_covariance
    covariance[0, :] = covariance[:, 0] = 0.0
    covariance[0, 0] = VAGUE * (total + beliefs.fixed_covariance[0, 0])
    mean = np.zeros_like(beliefs.fixed_mean)
    mean[0] = -beliefs.fixed_mean[0]
    # `Process` leaves out what is small against the mean over replicates of what is peculiar to a cell
    cell = NEGLIGIBLE / 0.01 * space.grid.replicates * float(np.trace(common)) / arms
    return Kernels(space.fixed, mean, covariance, common, own, beliefs.scale_weight, cell)


class InformedProcess(Process):
    """What is believed of a table once the signals of some cells are known.

    Args:
        prior: the belief before.
        noise: the prior of the signal's noise.
        known: cells whose signal is known.
        signal: the signals; anything elsewhere.
    """

    def __init__(
        self,
        prior: Process,
        noise: Kernels,
        known: Bool[np.ndarray, "arms replicates"],
        signal: Float[np.ndarray, "arms replicates"],
    ) -> None:
        """See the class docstring."""
        grid, count = prior.grid, prior.arithmetic
        error = Process(grid, noise, count)
        self.grid, self.arithmetic, self.scale_weight = grid, count, prior.scale_weight
        self.informed = True
        self.effects, self.rank = prior.effects + error.effects, prior.rank + error.rank
        self.design = np.concatenate([prior.design, np.zeros_like(error.design)], axis=2)
        self.prior_mean = prior.prior_mean.copy()
        self.groups: list[ReplicateGroup] = []
        size = self.effects + self.rank
        self.precision, self.shift = np.eye(size), np.zeros(size)
        root = np.concatenate([prior.common_root, np.zeros_like(error.common_root)], axis=1)
        seen_root = np.concatenate([prior.common_root, error.common_root], axis=1)
        both = np.concatenate([prior.design, error.design], axis=2)
        rest = np.where(known, signal - prior.prior_mean - error.prior_mean, 0.0)
        arms = grid.arms
        for replicates in same_columns(known):
            seen = np.flatnonzero(known[:, replicates[0]])
            if len(seen) == 0:
                self.groups.append(ReplicateGroup(replicates, prior.own, root))
                continue
            factor = np.linalg.cholesky((prior.own + error.own)[np.ix_(seen, seen)])
            cells = np.ix_(seen, replicates)
            precision, shift, _ = information(factor, both[cells], seen_root[seen], rest[cells], count)
            self.precision += precision
            self.shift += shift
            gain = cho_solve((factor, True), prior.own[seen], check_finite=False).T
            own = prior.own - gain @ prior.own[seen]
            own = (own + own.T) / 2 + 1e-10 * float(np.trace(prior.own)) / arms * np.eye(arms)
            self.groups.append(ReplicateGroup(replicates, own, root - gain @ seen_root[seen]))
            self.design[:, replicates] -= np.einsum("as,sre->are", gain, both[cells])
            self.prior_mean[:, replicates] += gain @ rest[cells]
            count.cholesky(len(seen))
            count.triangular_solve(len(seen), 2 * arms)
            count.matmul(arms, len(seen), arms + self.rank + (self.effects + 1) * len(replicates))


def informed_process(
    prior: Process,
    space: ModelSpace,
    beliefs: Hyperparameters,
    worth: Worth,
) -> InformedProcess:
    """Return what is believed of a table once its channels are heard.

    Args:
        prior: the belief before.
        space: the model of the question.
        beliefs: the hyperparameters of the values.
        worth: what the channels are worth, and their signal.
    """
    known = ~np.isnan(worth.signal)
    signal = np.where(known, worth.signal, 0.0)
    noise = noise_kernels(space, beliefs, worth.noise)
    return InformedProcess(prior, noise, space.grid.spread(known), space.grid.spread(signal))
