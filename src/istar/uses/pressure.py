"""Optimisation pressure: how good is the best of n candidates, chosen by one score and judged by another?

The frame is that of Gao, Schulman and Hilton, Scaling laws for reward model overoptimization (2022): best-of-n sampling
against a proxy, watched by scores that the choice does not see. Choosing one of n departs from the candidates' own
distribution by log n - (n - 1) / n nats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy.special import gammaln

from istar.seeds import Seed
from istar.uses.errors import UseError

RESAMPLES = 1000
LEVEL = 0.95
"""Coverage of all intervals."""
BLOCKS = 8
"""A pool of N candidates holds N / n separate draws of the best of n; where there are fewer than this, the estimate is
that of a few candidates, and no peak is sought there."""


def kl_of_best(n: int) -> float:
    """Return the KL divergence, in nats, of the best of n candidates from a candidate drawn at random."""
    return float(np.log(n) - (n - 1) / n)


def rank_weights(candidates: int, pressures: Int[np.ndarray, " pressures"]) -> Float[np.ndarray, "pressures ranks"]:
    """Return how probable each rank is to be the best of n candidates drawn from a pool without replacement.

    The mean of a score over all subsets of n candidates, at the best of each, is its product with the scores in
    ascending order of what chooses: an unbiased estimate of the expected score of the best of n.

    Args:
        candidates: the size of the pool.
        pressures: numbers n, from 1 to the size of the pool.

    Returns:
        C(rank - 1, n - 1) / C(candidates, n) for each n and each rank from 1, the worst; rows add up to 1.
    """
    rank, n = np.arange(1, candidates + 1)[None, :], pressures[:, None]

    def log_binomial(total: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        found: np.ndarray = gammaln(total + 1) - gammaln(chosen + 1) - gammaln(total - chosen + 1)
        return found

    with np.errstate(invalid="ignore"):
        logs = log_binomial(rank - 1, np.minimum(n - 1, rank - 1)) - log_binomial(np.array([[candidates]]), n)
    weights: Float[np.ndarray, "pressures ranks"] = np.where(rank >= n, np.exp(logs), 0.0)
    weights /= weights.sum(axis=1, keepdims=True)  # gammaln is exact to some 1e-12 of numbers of many thousands
    return weights


@dataclass(frozen=True)
class PressureCurve:
    """A score of the best of n, with its bootstrap interval, at each pressure.

    Attributes:
        mean: the unbiased estimate.
        low: lower end of the interval.
        high: its upper end.
    """

    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class Parting:
    """Where the held-out judge no longer follows: the pressure at which its score of the best of n is greatest.

    It is sought where the pool holds `BLOCKS` separate draws of the best of n at least.

    Attributes:
        log2: binary logarithm of that number of candidates.
        low: lower end of its bootstrap interval.
        high: upper end.
        seen: whether they part within what the pool can tell: the interval ends below the greatest pressure at which a
            peak is sought, and the shown judge's score goes on rising to there.
        stop: binary logarithm of the number of candidates to choose among: the lower end of the interval.
    """

    log2: int
    low: int
    high: int
    seen: bool

    @property
    def stop(self) -> int:
        """The rule: stop at the lower end of the interval, before the judges part."""
        return self.low


@dataclass(frozen=True)
class Pool:
    """Scores of one pool of candidates.

    Attributes:
        choosing: what chooses among them, higher first; ties are broken by the order of the pool, which is random.
        shown: the shown judge's scores.
        held_out: the held-out judge's.
        seed: for the bootstrap.
    """

    choosing: Float[np.ndarray, " candidates"]
    shown: Float[np.ndarray, " candidates"]
    held_out: Float[np.ndarray, " candidates"]
    seed: Seed

    def __post_init__(self) -> None:
        """Check that there are two candidates, one score each, all finite."""
        scores = np.stack([self.choosing, self.shown, self.held_out])
        if scores.shape[1] < 2:
            raise UseError(f"{scores.shape[1]} candidates leave nothing to choose; give 2 at least")
        if not np.isfinite(scores).all():
            raise UseError("a score is not a finite number, so candidates have no order")

    @property
    def pressures(self) -> Int[np.ndarray, " pressures"]:
        """Numbers of candidates: all powers of 2 up to the size of the pool."""
        powers: Int[np.ndarray, " pressures"] = 2 ** np.arange(int(np.log2(len(self.choosing))) + 1)
        return powers

    @cached_property
    def _resampled(self) -> Float[np.ndarray, "judges resamples pressures"]:
        """Both judges' curves: of the pool itself first, then of bootstrap resamples of it."""
        order = np.argsort(self.choosing, kind="stable")
        judged = np.stack([self.shown[order], self.held_out[order]])
        weights = rank_weights(len(order), self.pressures)
        generator = self.seed.split("bootstrap").generator()
        draws = [np.arange(len(order))]
        draws += [np.sort(generator.integers(0, len(order), len(order))) for _ in range(RESAMPLES)]
        return np.stack([judged[:, draw] @ weights.T for draw in draws], axis=1)

    @property
    def curves(self) -> Mapping[str, PressureCurve]:
        """What each judge says of the best of n, `shown` and `held_out`."""
        found = {}
        for name, curves in zip(("shown", "held_out"), self._resampled, strict=True):
            low, high = np.quantile(curves[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
            found[name] = PressureCurve(tuple(curves[0].tolist()), tuple(low.tolist()), tuple(high.tolist()))
        return found

    @property
    def parting(self) -> Parting:
        """Where the judges part."""
        shown, held_out = self._resampled
        known = max(1, int((self.pressures * BLOCKS <= len(self.choosing)).sum()))
        peaks = held_out[:, :known].argmax(axis=1)
        low, high = np.quantile(peaks[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="inverted_cdf")
        peak = int(peaks[0])
        seen = high < known - 1 and shown[0, known - 1] > shown[0, peak]
        return Parting(peak, int(low), int(high), bool(seen))
