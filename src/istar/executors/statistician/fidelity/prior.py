"""The prior of a method's fidelity: the correlation of its channels with the values, level by level.

What is learned of a method on one question whose table is known (`Appraisal`) are the normal equations of the values
beyond their prior mean, d, on the channels and the prior mean, Z, at each level. For a further question of the task:

    beta   slopes from the sums over all questions (`regression`)
    q      Z beta, scaled so that its variance is that of d: the signal
    rho_j  correlation of Z_j beta_(-j) with d_j, slopes from all questions but j; z_j = atanh rho_j
    z      ~ Student-t about the mean of z_j, with n - 1 + n0 degrees of freedom, as wide as questions differ
    b      ~ N(1, v^2), the channels' scale on a question, v from what it was on the others

With z_j all 0 but for chance, the channels are noise; as half of methods are, this has the probability that the mean of
z_j leaves it against a z that is uniform up to `MOST_Z`.

and d = rho (b x-part + m-part of q) + e on each level, with Var e = (1 - rho^2) Var d. With probability `SURPRISE`, and
always where nothing is known, z is that of methods in general: half of them say nothing, the others anything. Levels go
together: their quantiles share a Gaussian copula of correlation `TOGETHER`. The prior is held as `HYPOTHESES` equally
likely draws of (z_contrasts, z_arms, z_replicates, z_cells), the same for all questions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtr, ndtri, stdtrit
from scipy.stats import norm

from istar.executors.statistician.fidelity.regression import Sums, slopes
from istar.executors.statistician.settings import (
    DIFFERENCE,
    DIFFERENCE_QUESTIONS,
    HYPOTHESES,
    LOOSENESS,
    LOOSENESS_QUESTIONS,
    MOST_Z,
    SURPRISE,
    TOGETHER,
    USELESS,
)

LEVELS = ("contrasts", "arms", "replicates", "cells")


@dataclass(frozen=True)
class Appraisal:
    """What a method's channels were worth on one question whose table is known.

    Attributes:
        question: its hash.
        prices: FLOPs up to the end of each nested batch, as a share of brute force; none if the method said nothing.
        rows_left: budgets as shares of brute force, and the share of the loss left there in the black-box arm.
        sums: by level, the normal equations over all units that have channels; of features, see `levels.cleaned`.
        unit: in which each feature stands.
    """

    question: str
    prices: Float[np.ndarray, " batches"]
    rows_left: Float[np.ndarray, "budgets 2"]
    sums: Mapping[str, Sums] = field(default_factory=dict)
    unit: Float[np.ndarray, " features"] = field(default_factory=lambda: np.zeros(0))

    def of(self, level: str, *, as_given: bool) -> Sums | None:
        """Return the sums of a level, of channels as the method gave them or in standard deviations."""
        sums = self.sums.get(level)
        return sums if sums is None or not as_given else sums.in_units(np.append(self.unit, 1.0))


@dataclass(frozen=True)
class LevelPrior:
    """What is known of one level before its channels are heard on a question.

    Attributes:
        slopes: of the features and the prior mean.
        scale: what brings a prediction by these to the size of the values.
        z: mean of Fisher's z.
        spread: its scale.
        freedom: degrees of freedom of its Student-t.
        looseness: standard deviation, about 1, of the signal's scale on a question.
        useless: probability that the channels are noise here, and z was no more than chance.
    """

    slopes: Float[np.ndarray, " regressors"]
    scale: float
    z: float
    spread: float
    freedom: float
    looseness: float
    useless: float

    @classmethod
    def learn(cls, questions: Sequence[Sums | None]) -> LevelPrior | None:
        """Return what other questions teach; None if the method spoke on none of them.

        Args:
            questions: the sums of each; None where the method said nothing.
        """
        if not questions:
            return None
        spoken = [each.standardised() for each in questions if each is not None and each.units > 2 and each.total > 0]
        if not spoken or len({len(each.side) for each in spoken}) > 1:
            return None
        whole = sum(spoken[1:], spoken[0])
        fitted = slopes(whole)
        found, noise, scales = [], [], []
        for place, each in enumerate(spoken):
            others = [other for index, other in enumerate(spoken) if index != place] or [each]
            rho, factor = each.fit(slopes(sum(others[1:], others[0])))
            if len(spoken) == 1:  # fitted to itself
                free = max(each.units - len(each.side) - 1, 1)
                rho = np.sign(rho) * np.sqrt(max(1 - (1 - rho**2) * (each.units - 1) / free, 0.0))
            found.append(np.arctanh(np.clip(rho, -np.tanh(MOST_Z), np.tanh(MOST_Z))))
            noise.append(1 / max(each.units - 3, 1))
            if found[-1] > 0.3:
                scales.append(factor / max(rho**2, 0.1))
        found += [0.0] * (len(questions) - len(spoken))
        z, count = np.array(found), len(found)
        apart = float(((z - z.mean()) ** 2).sum()) - (count - 1) * float(np.mean(noise))
        expected = DIFFERENCE[0] + DIFFERENCE[1] * max(float(z.mean()), 0.0)
        differ = (max(apart, 0.0) + DIFFERENCE_QUESTIONS * expected**2) / (count - 1 + DIFFERENCE_QUESTIONS)
        spread = np.sqrt(differ * (1 + 1 / count) + float(np.mean(noise)) / count)
        error = float(np.sqrt(np.mean(noise) / count))
        if_noise = USELESS * float(norm.pdf(z.mean(), 0.0, error))
        if_not = (1 - USELESS) * float(norm.cdf(z.mean() / error)) / MOST_Z
        useless = if_noise / max(if_noise + if_not, 1e-300)
        centre = float(np.mean(scales)) if scales else 1.0
        misses = sum(float(np.clip(each / centre - 1, -2, 2)) ** 2 for each in scales)
        loose = np.sqrt((misses + LOOSENESS_QUESTIONS * LOOSENESS**2) / (len(scales) + LOOSENESS_QUESTIONS))
        size = whole.square(fitted)
        scale = np.sqrt(whole.total / size) if size > 1e-9 * whole.total else 0.0
        freedom = count - 1 + DIFFERENCE_QUESTIONS
        return cls(fitted, float(scale), float(z.mean()), float(spread), freedom, float(loose), useless)


@dataclass(frozen=True)
class FidelityPrior:
    """What is known of a method before it is heard on a question.

    Attributes:
        appraisals: of the task's other questions; none of a stranger.
        levels: what they teach of each level.
        as_given: whether the channels' own unit is kept from question to question; else they are taken in standard
            deviations.
    """

    appraisals: tuple[Appraisal, ...]
    levels: Mapping[str, LevelPrior]
    as_given: bool = False

    @classmethod
    def learn(cls, appraisals: Sequence[Appraisal]) -> FidelityPrior:
        """Return the prior that other questions leave, in the unit in which the scale of signals differs less."""
        found = []
        for as_given in (True, False):
            levels = {}
            for level in LEVELS:
                learned = LevelPrior.learn([each.of(level, as_given=as_given) for each in appraisals])
                if learned is not None:
                    levels[level] = learned
            found.append(cls(tuple(appraisals), levels, as_given))
        return min(found, key=lambda each: float(np.mean([level.looseness for level in each.levels.values()] or [0.0])))

    @property
    def known(self) -> bool:
        """Whether the method was asked on other questions."""
        return len(self.appraisals) > 0

    @property
    def silent(self) -> bool:
        """Whether it was, and had nothing to say on any of them."""
        return self.known and not any(len(each.prices) for each in self.appraisals)

    def correlations(self, levels: Sequence[str]) -> Float[np.ndarray, "hypotheses levels"]:
        """Return equally likely correlations of the levels; 0 is noise."""
        general = _methods_in_general()
        if not self.known:
            return general[:, [LEVELS.index(level) for level in levels]]
        quantiles, strange = _quantiles()
        found = np.zeros((HYPOTHESES, len(levels)))
        for place, level in enumerate(levels):
            known = self.levels.get(level)
            if known is not None and known.scale > 0:
                own = quantiles[:, LEVELS.index(level)]
                rank = np.maximum(own - known.useless, 0.0) / max(1 - known.useless, 1e-6)
                z = known.z + known.spread * np.asarray(stdtrit(known.freedom, np.clip(rank, 1e-6, 1 - 1e-6)))
                found[:, place] = np.where(own > known.useless, np.tanh(np.clip(z, 0.0, MOST_Z)), 0.0)
                found[strange, place] = general[strange, LEVELS.index(level)]
        return found


@cache
def _quantiles() -> tuple[Float[np.ndarray, "hypotheses levels"], Int[np.ndarray, " strange"]]:
    """Return quantiles of each level's z, and which hypotheses are those of methods in general."""
    generator = np.random.default_rng(0)
    shared = ndtri((generator.permutation(HYPOTHESES) + 0.5) / HYPOTHESES)
    own = generator.standard_normal((HYPOTHESES, len(LEVELS)))
    quantiles = ndtr(np.sqrt(TOGETHER) * shared[:, None] + np.sqrt(1 - TOGETHER) * own)
    # taken evenly from the worst to the best
    strange = np.argsort(shared, kind="stable")[:: max(1, round(1 / SURPRISE))]
    return np.clip(quantiles, 1e-6, 1 - 1e-6), strange


@cache
def _methods_in_general() -> Float[np.ndarray, "hypotheses levels"]:
    """Return correlations of methods of which nothing is known: a share of them says nothing, z is uniform else."""
    quantiles, _ = _quantiles()
    generator = np.random.default_rng(1)
    order = (generator.permutation(HYPOTHESES) + 0.5) / HYPOTHESES
    useful = order > USELESS
    z = np.where(useful[:, None], quantiles * MOST_Z, 0.0)
    return np.asarray(np.tanh(z))
