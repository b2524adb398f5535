"""The posterior of a table seen at two fidelities: channels of many rows, values of a few.

Following Kennedy and O'Hagan (2000), the value is the channels' signal plus an error that is independent of it. The
signal takes the explained share of every variance component and the error the rest. Signal and value are two arms of
one process, so that the same exact posterior applies: a channel is a cheap cell of the signal's arm.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from istar.executors.arithmetic import Arithmetic
from istar.executors.components import ModelSpace
from istar.executors.evidence import Worth
from istar.executors.grid import Grid
from istar.executors.process import Hyperparameters, Kernels, LinearAnswer, Posterior, Process, kernels_of


def _shares(space: ModelSpace, worth: Worth, cancelling: frozenset[str]) -> dict[str, float]:
    return {name: worth.cancelling if name in cancelling else worth.mattering for name in space.names}


def error_kernels(space: ModelSpace, beliefs: Hyperparameters, worth: Worth, cancelling: frozenset[str]) -> Kernels:
    """Return the prior of what the signal leaves unexplained; the level stays as uncertain as it was."""
    kernels = kernels_of(space, beliefs, _shares(space, worth, cancelling))
    mean = beliefs.fixed_mean * worth.mattering
    covariance = beliefs.fixed_covariance * worth.mattering
    mean[0], covariance[0, 0] = beliefs.fixed_mean[0], beliefs.fixed_covariance[0, 0]
    return Kernels(kernels.fixed, mean, covariance, kernels.common, kernels.own, kernels.scale_weight, kernels.noise)


class ShiftedPosterior:
    """The posterior of values where the signal is known in every row: the error's posterior, moved by the signal."""

    def __init__(self, posterior: Posterior, signal: Float[np.ndarray, "arms replicates"]) -> None:
        """Take the error's posterior and the signal."""
        self._posterior, self._signal = posterior, signal
        self.process, self.observed, self.scale = posterior.process, posterior.observed, posterior.scale
        self.mean = posterior.mean + signal

    def linear(self, weights: Float[np.ndarray, "outputs arms replicates"]) -> LinearAnswer:
        """See `Posterior.linear`."""
        answer = self._posterior.linear(weights)
        moved = answer.mean + np.einsum("oar,ar->o", weights, self._signal)
        return LinearAnswer(moved, answer.covariance, answer.loading, answer.own_cross)

    def draws(self, count: int, generator: np.random.Generator) -> Float[np.ndarray, "draws arms replicates"]:
        """See `Posterior.draws`."""
        tables: Float[np.ndarray, "draws arms replicates"] = self._posterior.draws(count, generator) + self._signal
        return tables

    def skew_parts(self) -> tuple[Float[np.ndarray, "rows size"], Float[np.ndarray, " rows"]]:
        """See `Posterior.skew_parts`."""
        return self._posterior.skew_parts()


class StackedPosterior:
    """The posterior of values where the signal is known in some rows."""

    def __init__(self, posterior: Posterior, grid: Grid, observed: Bool[np.ndarray, "arms replicates"]) -> None:
        """Take the joint posterior of signal and value; the value's arms come second."""
        self._posterior, self._arms = posterior, grid.arms
        self.process = posterior.process
        # how well the signal fits its own prior says little about the values' scale
        self.scale = float(np.clip(posterior.scale, 0.5, 2.0))
        self.observed = observed
        self.mean = posterior.mean[grid.arms :]

    def linear(self, weights: Float[np.ndarray, "outputs arms replicates"]) -> LinearAnswer:
        """See `Posterior.linear`."""
        return self._posterior.linear(np.concatenate([np.zeros_like(weights), weights], axis=1))

    def draws(self, count: int, generator: np.random.Generator) -> Float[np.ndarray, "draws arms replicates"]:
        """See `Posterior.draws`."""
        tables: Float[np.ndarray, "draws arms replicates"] = self._posterior.draws(count, generator, self.scale)
        return tables[:, self._arms :]

    def skew_parts(self) -> tuple[Float[np.ndarray, "rows size"], Float[np.ndarray, " rows"]]:
        """See `Posterior.skew_parts`."""
        return self._posterior.skew_parts(self._arms)


def two_fidelity_posterior(
    space: ModelSpace,
    beliefs: Hyperparameters,
    worth: Worth,
    cancelling: frozenset[str],
    bought: Bool[np.ndarray, " rows"],
    values: Float[np.ndarray, " rows"],
    arithmetic: Arithmetic,
) -> ShiftedPosterior | StackedPosterior:
    """Return the posterior of a table given bought values and the channels' signal.

    Args:
        space: the model of the question.
        beliefs: the hyperparameters.
        worth: what the channels are worth, and their signal.
        cancelling: names of the variance components that cancel in the answer.
        bought: rows bought.
        values: their values, anything elsewhere.
        arithmetic: where the operations are counted.
    """
    grid = space.grid
    error = error_kernels(space, beliefs, worth, cancelling)
    observed = grid.spread(bought)
    clean = np.where(bought, values, 0.0)
    known = ~np.isnan(worth.signal)
    if known.all():
        signal = grid.spread(worth.signal)
        posterior = Process(grid, error, arithmetic).condition(observed, grid.spread(clean) - signal)
        return ShiftedPosterior(posterior, signal)
    whole = kernels_of(space, beliefs)
    common, own = whole.common - error.common, whole.own - error.own
    effects = len(beliefs.fixed_mean)
    # the signal is centred, so its level is only loosely tied to that of the values
    mean, covariance = beliefs.fixed_mean * (1 - worth.mattering), beliefs.fixed_covariance * (1 - worth.mattering)
    mean[0], covariance[0, 0] = 0.0, sum(beliefs.variances.values())
    nothing = np.zeros_like(space.fixed)
    fixed = np.concatenate(
        [np.concatenate([space.fixed, nothing], axis=2), np.concatenate([space.fixed, space.fixed], axis=2)], axis=0
    )
    joint = np.zeros((2 * effects, 2 * effects))
    joint[:effects, :effects], joint[effects:, effects:] = covariance, error.fixed_covariance
    kernels = Kernels(
        fixed,
        np.concatenate([mean, error.fixed_mean]),
        joint,
        np.block([[common, common], [common, whole.common]]),
        np.block([[own, own], [own, whole.own]]),
        beliefs.scale_weight,
        error.noise,
    )
    stacked = Grid(grid.arm, grid.replicate, np.concatenate([grid.row, grid.row], axis=0))
    seen = np.concatenate([grid.spread(known), observed], axis=0)
    data = np.concatenate([grid.spread(np.nan_to_num(worth.signal)), grid.spread(clean)], axis=0)
    return StackedPosterior(Process(stacked, kernels, arithmetic).condition(seen, data), grid, observed)
