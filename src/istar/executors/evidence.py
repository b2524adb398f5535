"""What channels are worth: how closely they follow bought values, weighed under rival hypotheses.

The channels of a row are combined into one, the signal. It is taken as the row's value on another scale, plus noise
that is independent of it: `signal = slope * value + level of the replicate + noise`. The noise has a smooth part,
spread over arms and replicates like the values themselves, and a rough part that is each cell's alone. A hypothesis
says how large the two are; another says that the slope is 0 and the channels are noise. Half of the prior belief is on
that, or what the task's other questions taught (`experience`); rows known both ways decide.

Levels of replicates are left out: a channel that knows only which queries are hard says nothing of what is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.executors.arithmetic import Arithmetic
from istar.executors.components import ModelSpace
from istar.executors.grid import within_replicates
from istar.executors.process import Hyperparameters
from istar.executors.regression import Regression, clipped

if TYPE_CHECKING:
    from istar.executors.experience import Experience, Learned

STEPS = (1e-6, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.2, 0.4, 0.7, 1.0)
HYPOTHESES = np.array([(smooth, rough) for smooth in STEPS for rough in STEPS])
"""Smooth and rough part of the noise's variance, in units of the signal's variance within replicates."""
USELESS = 0.5
"""Prior probability that the channels are noise."""
MOST_ROWS = 128
"""At most this many rows known both ways are used."""
REPLICATE = "own.replicate"
AVERAGED = 0.1
"""Share of the rough noise that is taken to stay in an answer over many cells."""


@dataclass(frozen=True)
class ChannelNoise:
    """By how much the signal, brought to the scale of the values, misses them.

    Attributes:
        smooth: variance of the smooth part, as a factor on the variances of the values' own effects.
        rough: variance of the rough part, in squared units of the readout.
        level: variance of the level of a replicate, in the same unit; infinite if nothing is known of it.
    """

    smooth: float
    rough: float
    level: float = np.inf


@dataclass(frozen=True)
class Worth:
    """What the channels are believed to be worth.

    Attributes:
        useless: probability that they are noise.
        unexplained: expected share of the answer's variance that is left where the channels of all rows are known.
        noise: of the signal, the doubt about its scale included.
        signal: the channels combined, on the scale of the values and up to a constant a replicate; NaN where rows have
            no channels.
        weights: posterior probability of each hypothesis, given that the channels are not noise.
        slope: posterior mean of the slope, given that too.
        mixture: the weight of each channel in the signal.
    """

    useless: float
    unexplained: float
    noise: ChannelNoise
    signal: Float[np.ndarray, " rows"]
    weights: Float[np.ndarray, " hypotheses"]
    slope: float
    mixture: Float[np.ndarray, " channels"]


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
        experience: what the task's other questions taught of the same method, if anything.
    """

    def __init__(
        self,
        space: ModelSpace,
        beliefs: Hyperparameters,
        arithmetic: Arithmetic,
        experience: Experience | None = None,
    ) -> None:
        """See the class docstring."""
        self.space, self.beliefs, self.arithmetic = space, beliefs, arithmetic
        self.experience = experience
        self.total = sum(beliefs.variances.values())
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
        learned = None if self.experience is None else self.experience.learned(count)
        mixture, free = self._mixture(values, features, rows)
        if learned is not None:
            mixture, free = learned.mixture, 0
        signal = np.full(len(bought), np.nan)
        if known.any() and count:
            signal[known] = features[known] @ mixture
            spread = within_replicates(signal[known, None], self.space.grid.replicate[known]).std()
            signal /= spread if spread > 1e-9 else np.inf
        varies = count > 0 and (not known.any() or bool(np.nanstd(signal) > 0))
        weights, slope, variance, useless = self._weigh(values, signal, rows, free, learned)
        if not varies or slope == 0.0 or useless >= 1.0:
            noise = ChannelNoise(np.inf, np.inf)
            return Worth(1.0, 1.0, noise, np.where(known, 0.0, np.nan), weights, 0.0, mixture)
        smooth, rough = weights @ HYPOTHESES / (slope**2 * self.matter)
        smooth += variance / slope**2
        level = np.inf if learned is None else learned.level
        noise = ChannelNoise(smooth / (1 - useless), rough * self.matter / (1 - useless), level)
        left = noise.smooth + noise.rough / self.matter * (1.0 if self.space.grid.arms == 1 else AVERAGED)
        return Worth(useless, left / (1 + left), noise, signal / slope, weights, slope, mixture)

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
        learned: Learned | None,
    ) -> tuple[Float[np.ndarray, " hypotheses"], float, float, float]:
        """Return weights of the hypotheses, mean and variance of the slope, and the probability of uselessness."""
        count = len(HYPOTHESES)
        beliefs = [(1.0, USELESS, np.full(count, 1 / count), 0.0, 0.5 / self.matter)]
        if learned is not None:
            beliefs[0] = (1 - learned.trust, *beliefs[0][1:])
            beliefs.append((learned.trust, learned.useless, learned.weights, learned.slope, learned.slope_variance))
        likelihood = _Likelihood.nothing(count)
        if len(rows) >= 3:
            likelihood = self._likelihood(values[rows], np.nan_to_num(signal[rows]), rows)
        logs, useless, slopes, spreads = [], [], [], []
        for share, noise, weights, mean, variance in beliefs:
            evidence, centre, vague = likelihood.slopes(mean, variance)
            evidence = evidence - 0.5 * free * np.log(max(len(rows), 1))
            logs.append(np.log(share * (1 - noise) * weights + 1e-300) + evidence)
            useless.append(np.log(share * noise * weights + 1e-300) + likelihood.useless)
            slopes.append(centre)
            spreads.append(vague)
        top = max(np.max(logs), np.max(useless))
        used, unused = np.exp(np.array(logs) - top), float(np.exp(np.array(useless) - top).sum())
        total = float(used.sum())
        if total <= 0:
            return np.full(count, 1 / count), 0.0, 0.0, 1.0
        share = used / total
        slope = float((share * np.array(slopes)).sum())
        spread = float((share * (np.array(spreads) + (np.array(slopes) - slope) ** 2)).sum())
        summed: Float[np.ndarray, " hypotheses"] = share.sum(0)
        return summed, slope, spread, unused / (unused + total)

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
