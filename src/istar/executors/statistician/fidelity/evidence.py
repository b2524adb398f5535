"""What channels are worth: how closely they follow bought values, weighed under rival hypotheses.

The channels of a row are combined into one, the signal. It is taken as the row's value on another scale, plus noise
that is independent of it: `signal = slope * value + level of the replicate + noise`. The noise has a smooth part,
spread over arms and replicates like the values themselves, and a rough part that is each cell's alone. A hypothesis
says how large the two are; another says that the slope is 0 and the channels are noise. Half of the prior belief is on
that; rows known both ways decide. So is judged a method that was not heard on the task's other questions; what is known
of others is `experience`.

Levels of replicates are left out: a channel that knows only which queries are hard says nothing of what is asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.executors.statistician.arithmetic import Arithmetic
from istar.executors.statistician.fidelity.regression import Regression, clipped
from istar.executors.statistician.settings import AVERAGED, HYPOTHESES, MOST_ROWS, USELESS
from istar.executors.statistician.table_model.process import Hyperparameters
from istar.truth.effects.components import REPLICATE, ModelSpace
from istar.truth.effects.grid import within_replicates


@dataclass(frozen=True)
class Worth:
    """What the channels are believed to be worth.

    Attributes:
        useless: probability that they are noise.
        unexplained: expected share of the answer's variance that is left where the channels of all rows are known.
    """

    useless: float
    unexplained: float


def channel_features(channels: Float[np.ndarray, "rows channels"]) -> Float[np.ndarray, "rows channels"]:
    """Return each channel in standard deviations from its mean, outliers cut off.

    Rows without channels are NaN; a channel that does not vary is 0.
    """
    part = channels[~np.isnan(channels).any(1)]
    if not len(part):
        return np.full(channels.shape, np.nan)
    spread = part.std(0)
    still = spread <= 1e-12 * np.maximum(1.0, np.abs(part).max(0))
    return np.asarray(clipped(channels) / np.where(still, np.inf, spread))


class Evidence:
    """Weighs the hypotheses for one question.

    Args:
        space: the model of the question.
        beliefs: the hyperparameters.
        arithmetic: where the operations are counted.
    """

    def __init__(self, space: ModelSpace, beliefs: Hyperparameters, arithmetic: Arithmetic) -> None:
        """See the class docstring."""
        self.space, self.beliefs, self.arithmetic = space, beliefs, arithmetic
        self.matter = self._matter()

    def _matter(self) -> float:
        """Return the mean prior variance of a row but for the level of its replicate."""
        size = 0.0
        for level, kernels in (("common", self.space.common), ("own", self.space.own)):
            for name, kernel in kernels.items():
                if f"{level}.{name}" != REPLICATE:
                    size += self.beliefs.variances[f"{level}.{name}"] * float(np.diag(kernel).mean())
        fixed = self.space.fixed[..., 1:]
        slopes = np.einsum("are,ef,arf->ar", fixed, self.beliefs.fixed_covariance[1:, 1:], fixed)
        return size + float(slopes.mean())

    def _smooth(self, rows: Int[np.ndarray, " verified"]) -> Float[np.ndarray, "verified verified"]:
        """Return the covariance of smooth noise of unit variance."""
        arm, replicate = self.space.grid.arm[rows], self.space.grid.replicate[rows]
        same = (replicate[:, None] == replicate[None, :]).astype(np.float64)
        covariance = np.zeros((len(rows), len(rows)))
        for level, kernels in (("common", self.space.common), ("own", self.space.own)):
            for name, kernel in kernels.items():
                if f"{level}.{name}" != REPLICATE:
                    part = self.beliefs.variances[f"{level}.{name}"] * kernel[np.ix_(arm, arm)]
                    covariance += part * same if level == "own" else part
        fixed = self.space.fixed[arm, replicate][:, 1:]
        covariance += fixed @ self.beliefs.fixed_covariance[1:, 1:] @ fixed.T
        return covariance / self.matter

    def worth(
        self,
        values: Float[np.ndarray, " rows"],
        features: Float[np.ndarray, "rows channels"],
        bought: Bool[np.ndarray, " rows"],
    ) -> Worth:
        """Weigh the hypotheses by the rows known both ways.

        Args:
            values: values of the bought rows, anything elsewhere.
            features: features of the rows with channels, NaN elsewhere.
            bought: which rows are bought.
        """
        count = features.shape[1]
        known = ~np.isnan(features).any(1) if count else np.zeros(len(bought), dtype=bool)
        rows = np.flatnonzero(bought & known)
        if len(rows) > MOST_ROWS:
            rows = rows[np.linspace(0, len(rows) - 1, MOST_ROWS).astype(np.int64)]
        mixture, free = self._mixture(values, features, rows)
        signal = np.full(len(bought), np.nan)
        if known.any() and count:
            signal[known] = features[known] @ mixture
            spread = within_replicates(signal[known, None], self.space.grid.replicate[known]).std()
            signal /= spread if spread > 1e-9 else np.inf
        varies = count > 0 and (not known.any() or bool(np.nanstd(signal) > 0))
        weights, slope, variance, useless = self._weigh(values, signal, rows, free)
        if not varies or slope == 0.0 or useless >= 1.0:
            return Worth(1.0, 1.0)
        smooth, rough = weights @ HYPOTHESES / (slope**2 * self.matter)
        smooth += variance / slope**2
        left = (smooth + rough * (1.0 if self.space.grid.arms == 1 else AVERAGED)) / (1 - useless)
        return Worth(useless, left / (1 + left))

    def _mixture(
        self,
        values: Float[np.ndarray, " rows"],
        features: Float[np.ndarray, "rows channels"],
        rows: Int[np.ndarray, " verified"],
    ) -> tuple[Float[np.ndarray, " channels"], int]:
        """Return the weights of the channels in the signal, and how many of them were fitted to the values."""
        count = features.shape[1]
        if count < 2 or len(rows) < 3:
            return np.ones(count), 0
        fitted = Regression.of(features, values, self.space.grid.replicate, rows).slopes()
        self.arithmetic.matmul(count, len(rows), count)
        self.arithmetic.cholesky(count)
        size = float(np.linalg.norm(fitted))
        return (fitted / size, count - 1) if size > 0 else (np.ones(count), 0)

    def _weigh(
        self,
        values: Float[np.ndarray, " rows"],
        signal: Float[np.ndarray, " rows"],
        rows: Int[np.ndarray, " verified"],
        free: int,
    ) -> tuple[Float[np.ndarray, " hypotheses"], float, float, float]:
        """Return weights of the hypotheses, mean and variance of the slope, and the probability of uselessness."""
        count = len(HYPOTHESES)
        likelihood = _Likelihood.nothing(count)
        if len(rows) >= 3:
            likelihood = self._likelihood(values[rows], np.nan_to_num(signal[rows]), rows)
        evidence, centre, spread = likelihood.slopes(0.0, 0.5 / self.matter)
        logs = np.log((1 - USELESS) / count) + evidence - 0.5 * free * np.log(max(len(rows), 1))
        noise = np.log(USELESS / count) + likelihood.useless
        top = max(float(logs.max()), float(noise.max()))
        used, unused = np.exp(logs - top), float(np.exp(noise - top).sum())
        total = float(used.sum())
        if total <= 0:
            return np.full(count, 1 / count), 0.0, 0.0, 1.0
        weights: Float[np.ndarray, " hypotheses"] = used / total
        slope = float(weights @ centre)
        variance = float(weights @ (spread + (centre - slope) ** 2))
        return weights, slope, variance, unused / (unused + total)

    def _likelihood(
        self,
        values: Float[np.ndarray, " verified"],
        signal: Float[np.ndarray, " verified"],
        rows: Int[np.ndarray, " verified"],
    ) -> _Likelihood:
        replicate = self.space.grid.replicate[rows]
        same = np.ones((len(rows), len(rows)))
        if self.space.grid.arms > 1:
            same = 1.0 + (replicate[:, None] == replicate[None, :])
        smooth = self._smooth(rows)
        covariances = HYPOTHESES[:, :1, None] * smooth + HYPOTHESES[:, 1:, None] * np.eye(len(rows)) + 30.0 * same
        factors = np.linalg.cholesky(covariances)
        whitened = np.linalg.solve(factors, np.stack([values, signal], axis=1))
        self.arithmetic.flops += len(HYPOTHESES) * (len(rows) ** 3 // 3 + 2 * len(rows) ** 2) * 2
        products = np.einsum("hni,hnj->hij", whitened, whitened)
        logs = -np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(1)
        return _Likelihood(products[:, 0, 0], products[:, 0, 1], products[:, 1, 1], logs)


@dataclass(frozen=True)
class _Likelihood:
    """The likelihood of the slope under every hypothesis.

    Attributes:
        precision: of the slope.
        pull: precision times its best value.
        square: the signal's weighted square.
        logs: the logarithm of the normalising constant.
    """

    precision: Float[np.ndarray, " hypotheses"]
    pull: Float[np.ndarray, " hypotheses"]
    square: Float[np.ndarray, " hypotheses"]
    logs: Float[np.ndarray, " hypotheses"]

    @classmethod
    def nothing(cls, count: int) -> _Likelihood:
        """Return the likelihood of no rows."""
        none = np.zeros(count)
        return cls(none, none, none, none)

    @property
    def useless(self) -> Float[np.ndarray, " hypotheses"]:
        """The log likelihood at slope 0."""
        return self.logs - 0.5 * self.square

    def slopes(
        self, mean: float, variance: float
    ) -> tuple[Float[np.ndarray, " hypotheses"], Float[np.ndarray, " hypotheses"], Float[np.ndarray, " hypotheses"]]:
        """Return the log likelihood under a normal belief about the slope, and its posterior mean and variance."""
        precision = self.precision + 1 / variance
        pull = self.pull + mean / variance
        quadratic = self.square + mean**2 / variance - pull**2 / precision
        logs = self.logs - 0.5 * (quadratic + np.log(variance * precision))
        return logs, pull / precision, 1 / precision
