"""The posterior of fidelity on one question: what rows known both ways say of the correlations.

With y the values of rows known both ways, m their prior mean, q_l the signal of each level and x_l the channels' part
of it and K_l the prior covariance of what the rows have of it, a hypothesis rho says

    y - m ~ N( sum_l rho_l q_l,  sum_l [ s_l K_l s_l' + (rho_l v_l)^2 x_l x_l' ] + K_0 ),   s_l^2 = 1 - rho_l^2 t_l

with t_l the share of a unit that the known rows tell of it (`LevelModel.covered`) and K_0 the covariance of the
intercept. The overall scale of the variances is not known, so that the likelihood is a multivariate Student-t with the
model's `scale_weight` degrees of freedom. This is the autoregressive model of Kennedy & O'Hagan (Biometrika 87, 2000),
with a correlation for every variance component.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from istar.executors.statistician.arithmetic import Arithmetic


@dataclass(frozen=True)
class Fidelity:
    """What is believed of the correlations.

    Attributes:
        correlations: the hypotheses.
        weights: their probabilities.
        looseness: by level, how far the signal's scale may lie from 1.
    """

    correlations: Float[np.ndarray, "hypotheses levels"]
    weights: Float[np.ndarray, " hypotheses"]
    looseness: Float[np.ndarray, " levels"]

    @property
    def rho(self) -> Float[np.ndarray, " levels"]:
        """The expected correlation."""
        rho: Float[np.ndarray, " levels"] = self.weights @ self.correlations
        return rho

    @property
    def left(self) -> Float[np.ndarray, " levels"]:
        """The expected share of each level's variance that is left."""
        left: Float[np.ndarray, " levels"] = self.weights @ (1 - self.correlations**2)
        return left

    def without(self, dropped: Bool[np.ndarray, " levels"]) -> Fidelity:
        """Return the same with some levels taken for noise."""
        return Fidelity(np.where(dropped, 0.0, self.correlations), self.weights, self.looseness)

    @property
    def loose(self) -> Float[np.ndarray, " levels"]:
        """The standard deviation of what a signal is multiplied with."""
        spread = self.weights @ (self.correlations - self.rho) ** 2
        return np.asarray(np.sqrt(spread + (self.rho * self.looseness) ** 2))


@dataclass(frozen=True)
class Evidence:
    """Rows known both ways.

    Attributes:
        beyond: their values beyond the prior mean.
        signals: the signal of each level at them.
        heard: the part of it whose scale is uncertain.
        covariances: prior covariance of what they have of each level.
        told: share of their unit of each level that the known rows tell.
        base: covariance of what no channel can tell, the intercept.
        scale_weight: degrees of freedom.
    """

    beyond: Float[np.ndarray, " rows"]
    signals: Float[np.ndarray, "levels rows"]
    heard: Float[np.ndarray, "levels rows"]
    covariances: Float[np.ndarray, "levels rows rows"]
    told: Float[np.ndarray, "levels rows"]
    base: Float[np.ndarray, "rows rows"]
    scale_weight: float

    def weigh(self, prior: Fidelity, arithmetic: Arithmetic) -> Fidelity:
        """Return the posterior of a prior."""
        rho, count = prior.correlations, len(self.beyond)
        left = np.sqrt(1 - (rho**2)[:, :, None] * self.told)
        covariance = np.broadcast_to(self.base, (len(rho), count, count)).copy()
        for place, each in enumerate(self.covariances):
            covariance += left[:, place, :, None] * left[:, place, None, :] * each
            loose = (rho[:, place] * prior.looseness[place]) ** 2
            covariance += loose[:, None, None] * np.outer(self.heard[place], self.heard[place])
        factors = np.linalg.cholesky(covariance)
        rest = self.beyond - rho @ self.signals
        white = np.linalg.solve(factors, rest[:, :, None])[:, :, 0]
        arithmetic.flops += 2 * len(rho) * (count**3 // 3 + (3 * len(self.covariances) + 2) * count**2)
        nu = self.scale_weight
        logs = -0.5 * (nu + count) * np.log1p((white**2).sum(1) / nu)
        logs -= np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(1)
        weights = prior.weights * np.exp(logs - logs.max())
        return Fidelity(rho, weights / weights.sum(), prior.looseness)
