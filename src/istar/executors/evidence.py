"""What channels are worth: a Bayesian regression of bought values on channels, under rival hypotheses.

A hypothesis says which share q of the prior variance the channels leave unexplained, separately for effects that
cancel in the answer (the level of a replicate, of a context) and for effects that matter. At q = 1 the channels are
noise. Half of the prior belief is on noise; marginal likelihoods of rows known both ways decide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.linalg import cho_factor, cho_solve
from scipy.special import ndtri
from scipy.stats import rankdata

from istar.executors.arithmetic import Arithmetic
from istar.executors.components import ModelSpace
from istar.executors.process import Hyperparameters

SHARES = (1.0, 0.6, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4, 1e-6)
USELESS = 0.5
"""Prior probability that the channels are noise."""
MOST_ROWS = 128
"""At most this many rows known both ways are used."""


@dataclass(frozen=True)
class Worth:
    """What the channels are believed to be worth.

    Attributes:
        useless: probability that they are noise.
        cancelling: expected unexplained share of the effects that cancel in the answer.
        mattering: expected unexplained share of the effects that matter.
        signal: the channels' prediction of the values, up to a constant; NaN where rows have no channels.
    """

    useless: float
    cancelling: float
    mattering: float
    signal: Float[np.ndarray, " rows"]


def channel_features(
    channels: Float[np.ndarray, "rows channels"], replicate: Int[np.ndarray, " rows"], several_arms: bool
) -> Float[np.ndarray, "rows features"]:
    """Return standardised features of the rows that have channels, NaN elsewhere.

    Each channel gives itself and its normal scores (so that any monotone relation is nearly linear in one of them),
    and, where replicates hold several arms, its mean over the replicate.
    """
    known = ~np.isnan(channels).any(1)
    if not known.any() or channels.shape[1] == 0:
        return np.full((len(channels), 0), np.nan)
    features = []
    for column in channels[known].T:
        if column.std() <= 1e-12 * max(1.0, float(np.abs(column).max())):
            continue
        plain = (column - column.mean()) / column.std()
        features.append(np.clip(plain, -8.0, 8.0))
        scores = ndtri((rankdata(column) - 0.5) / len(column))
        features.append(scores / scores.std())
        if several_arms:
            owner = replicate[known]
            level = np.bincount(owner, plain)[owner] / np.bincount(owner)[owner]
            if level.std() > 1e-9:
                features.append((level - level.mean()) / level.std())
    filled = np.full((len(channels), len(features)), np.nan)
    if features:
        filled[known] = np.stack(features, axis=1)
    return filled


class Evidence:
    """Weighs the hypotheses for one question.

    Args:
        space: the model of the question.
        beliefs: the hyperparameters.
        cancelling: names of the variance components that cancel in the answer.
        arithmetic: where the operations are counted.
    """

    def __init__(
        self, space: ModelSpace, beliefs: Hyperparameters, cancelling: frozenset[str], arithmetic: Arithmetic
    ) -> None:
        """See the class docstring."""
        self.space, self.beliefs, self.arithmetic = space, beliefs, arithmetic
        self.cancelling = cancelling
        self.total = sum(beliefs.variances.values())

    def _covariances(
        self, rows: Int[np.ndarray, " verified"]
    ) -> tuple[Float[np.ndarray, "verified verified"], Float[np.ndarray, "verified verified"]]:
        """Return the prior covariance of rows by effects that cancel and by those that matter."""
        arm, replicate = self.space.grid.arm[rows], self.space.grid.replicate[rows]
        same = (replicate[:, None] == replicate[None, :]).astype(np.float64)
        parts = [np.zeros((len(rows), len(rows))), np.zeros((len(rows), len(rows)))]
        groups = (("common", self.space.common, np.ones_like(same)), ("own", self.space.own, same))
        for level, kernels, mask in groups:
            for name, kernel in kernels.items():
                full = f"{level}.{name}"
                part = parts[0 if full in self.cancelling else 1]
                part += self.beliefs.variances[full] * kernel[np.ix_(arm, arm)] * mask
        fixed = self.space.fixed[arm, replicate]
        covariance = self.beliefs.fixed_covariance.copy()
        covariance[0, 0] = 0.0
        parts[1] += fixed @ covariance @ fixed.T
        return parts[0], parts[1]

    def worth(
        self,
        values: Float[np.ndarray, " rows"],
        features: Float[np.ndarray, "rows features"],
        bought: Bool[np.ndarray, " rows"],
    ) -> Worth:
        """Weigh the hypotheses by the rows known both ways.

        Args:
            values: values of the bought rows, anything elsewhere.
            features: features of the rows with channels, NaN elsewhere.
            bought: which rows are bought.
        """
        known = ~np.isnan(features).any(1) if features.shape[1] else np.zeros(len(bought), dtype=bool)
        rows = np.flatnonzero(bought & known)
        count = features.shape[1]
        flat = np.where(known, 0.0, np.nan)
        if len(rows) < 3 or count == 0:
            return Worth(USELESS, 1.0, 1.0, flat)
        if len(rows) > MOST_ROWS:
            rows = rows[np.linspace(0, len(rows) - 1, MOST_ROWS).astype(np.int64)]
        cancelling, mattering = self._covariances(rows)
        level, matter = float(np.diag(cancelling).mean()), float(np.diag(mattering).mean())
        centre = (
            self.space.fixed[self.space.grid.arm[rows], self.space.grid.replicate[rows]]
            @ np.r_[0.0, self.beliefs.fixed_mean[1:]]
        )
        design = features[rows]
        vague = 100.0 * self.total
        hypotheses = [(1.0, 1.0)]
        firsts = SHARES if level > 0 else (1.0,)
        hypotheses += [(a, b) for a in firsts for b in SHARES if (a, b) != (1.0, 1.0)]
        logs, systems = [], []
        rest = values[rows]
        for a, b in hypotheses:
            slope = ((1 - a) * level + (1 - b) * matter) / count
            covariance = a * cancelling + b * mattering + slope * (design @ design.T) + vague
            covariance[np.diag_indices(len(rows))] += 1e-9 * self.total
            factor = cho_factor(covariance, lower=True, check_finite=False)
            centred = rest - b * centre
            solved = cho_solve(factor, centred, check_finite=False)
            logs.append(-0.5 * float(centred @ solved) - float(np.log(np.diag(factor[0])).sum()))
            systems.append(slope * (design.T @ solved))
            self.arithmetic.cholesky(len(rows))
            self.arithmetic.matmul(len(rows), count, len(rows))
        prior = np.full(len(hypotheses), (1 - USELESS) / (len(hypotheses) - 1))
        prior[0] = USELESS
        weight = np.array(logs) + np.log(prior)
        weight = np.exp(weight - weight.max())
        weight /= weight.sum()
        shares = weight @ np.array(hypotheses)
        slopes = weight @ np.array(systems)
        signal = np.where(known, np.nan_to_num(features) @ slopes, np.nan)
        return Worth(float(weight[0]), float(shares[0]), float(shares[1]), signal)
