"""Regression of values on channels: which mixture of several channels foretells the values of a level.

With Z = [x, m] the features of channels (`levels.cleaned`) and, last, the prior mean of each unit, and d the values
beyond their prior mean, the models are "all channels" and "one feature", each beside m; they are averaged by their
marginal likelihood under Zellner's g prior with g = n, the unit information prior (Liang et al., Journal of the
American Statistical Association 103, 2008):

    log BF = (n - 1 - k) / 2 log(1 + g) - (n - 1) / 2 log(1 + g (1 - R^2)),   k channels, R^2 beside m.

So one good channel among many of noise is found from a handful of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from istar.executors.statistician.settings import COLLINEAR


@dataclass(frozen=True)
class Sums:
    """Normal equations; those of several questions add up.

    Attributes:
        inner: Z'Z.
        side: Z'd.
        total: d'd.
        units: how many units they are of.
    """

    inner: Float[np.ndarray, "regressors regressors"]
    side: Float[np.ndarray, " regressors"]
    total: float
    units: int

    @classmethod
    def of(cls, regressors: Float[np.ndarray, "units regressors"], values: Float[np.ndarray, " units"]) -> Sums:
        """Return the sums of units that are all known."""
        return cls(regressors.T @ regressors, regressors.T @ values, float(values @ values), len(values))

    def __add__(self, other: Sums) -> Sums:
        """Return the sums over both."""
        return Sums(
            self.inner + other.inner, self.side + other.side, self.total + other.total, self.units + other.units
        )

    def standardised(self) -> Sums:
        """Return the sums with values and regressors divided by the values' root mean square."""
        size = max(self.total / max(self.units, 1), 1e-300)
        return Sums(self.inner / size, self.side / size, self.total / size, self.units)

    def in_units(self, units: Float[np.ndarray, " regressors"]) -> Sums:
        """Return the sums of regressors that are each multiplied with a unit."""
        return Sums(self.inner * np.outer(units, units), self.side * units, self.total, self.units)

    def square(self, slopes: Float[np.ndarray, " regressors"]) -> float:
        """Return the sum of squares of a prediction."""
        return max(float(slopes @ self.inner @ slopes), 0.0)

    def fit(self, slopes: Float[np.ndarray, " regressors"]) -> tuple[float, float]:
        """Return the partial correlation of a prediction with the values, and the factor its channels need here.

        The prediction is `factor * x b + m b'`: channels may be on another scale on each question, the prior mean is
        not. What the prior mean alone would explain is not to the credit of channels.
        """
        heard = np.append(slopes[:-1], 0.0)
        size, last = self.square(heard), float(self.inner[-1, -1])
        along = float(heard @ (self.side - slopes[-1] * self.inner[:, -1]))
        alone = self.total - (float(self.side[-1]) ** 2 / last if last > 0 else 0.0)
        if size <= 1e-12 * max(self.total, 1e-300) or alone <= 0:
            return 0.0, 1.0
        rest = self.total - 2 * slopes[-1] * float(self.side[-1]) + slopes[-1] ** 2 * last
        left = max(rest - along**2 / size, 0.0) / alone
        return float(np.sign(along) * np.sqrt(max(1 - left, 0.0))), along / size


def slopes(sums: Sums) -> Float[np.ndarray, " regressors"]:
    """Return the slopes of all regressors, averaged over models; see the module.

    Channels that foretell the values themselves hold the prior mean m, so that its slope lies between -1 and 0.
    """
    size = float(sums.inner[-1, -1])
    beside = 0.0
    if size > COLLINEAR**2 * max(sums.total, 1e-300):
        with_last = sums.inner[:-1, -1] / size
        of_values = float(sums.side[-1]) / size
        inner = sums.inner[:-1, :-1] - np.outer(with_last, sums.inner[:-1, -1])
        side = sums.side[:-1] - with_last * sums.side[-1]
        found = _averaged(inner, side, sums.total - of_values * float(sums.side[-1]), sums)
        wanted = of_values - float(with_last @ found)
        beside = float(np.clip(wanted, -1.0, 0.0))
        if beside == wanted:
            return np.append(found, beside)
    total = sums.total - 2 * beside * float(sums.side[-1]) + beside**2 * size
    found = _averaged(sums.inner[:-1, :-1], sums.side[:-1] - beside * sums.inner[:-1, -1], total, sums)
    return np.append(found, beside)


def _averaged(
    inner: Float[np.ndarray, "features features"], side: Float[np.ndarray, " features"], total: float, whole: Sums
) -> Float[np.ndarray, " features"]:
    """Return the slopes of the features beside the prior mean; the first half of them are the channels themselves."""
    count, units, total = len(side), max(whole.units, 2), max(total, 1e-300)
    size = np.diag(inner)
    varies = size > COLLINEAR * np.maximum(np.diag(whole.inner)[:-1], 1e-300)
    if not varies.any():
        return np.zeros(count)
    alone = np.where(varies, side / np.where(varies, size, 1.0), 0.0)
    models, explained, used = np.diag(alone)[varies], (alone * side / total)[varies], np.ones(int(varies.sum()))
    priors = used / len(used)
    channels = np.flatnonzero(varies[: count // 2])
    if 1 < len(channels) < units - 2:
        together = np.zeros(count)
        block = inner[np.ix_(channels, channels)]
        together[channels] = np.linalg.solve(block + COLLINEAR * np.diag(np.diag(block)), side[channels])
        models = np.concatenate([models, together[None]])
        explained = np.append(explained, together @ side / total)
        used = np.append(used, len(channels))
        priors = 0.5 * np.append(priors, 1.0)
    share = np.clip(explained, 0.0, 1.0)
    logs = np.log(priors) + 0.5 * ((units - 1 - used) * np.log1p(units) - (units - 1) * np.log1p(units * (1 - share)))
    weights = np.exp(logs - logs.max())
    averaged: Float[np.ndarray, " features"] = (weights / weights.sum()) @ models
    return averaged
