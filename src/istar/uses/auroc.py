"""How well a score tells two kinds of rows apart, with intervals, where several scores are tested at once.

The area under the receiver operating characteristic is the probability that a row of the one kind scores higher than a
row of the other, ties counted half. Rows come in comparisons (two models on one subject), comparisons in groups that
are alike for a reason (the subject). An area is the mean over groups of the mean over comparisons. A bootstrap
resample draws groups, then comparisons within each, then rows of both kinds, so that its interval is about further
groups and not only about further rows of these. All scores are resampled alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from istar.seeds import Seed

RESAMPLES = 4000
LEVEL = 0.95
"""Coverage of each interval by itself."""
CHANCE = 0.5


def wins(positives: Float[np.ndarray, " positives"], negatives: Float[np.ndarray, " negatives"]) -> np.ndarray:
    """Return, for each pair of a positive and a negative row, 1 if the positive scores higher, 1/2 if alike, else 0.

    Its mean is the area, which is the Mann-Whitney statistic over the number of pairs (Hanley and McNeil, 1982).
    """
    difference = positives[:, None] - negatives[None, :]
    found: np.ndarray = (np.sign(difference) + 1) / 2
    return np.round(found, 12)  # sums of shares of one miss it by a last bit


@dataclass(frozen=True)
class Area:
    """The area under a score's receiver operating characteristic.

    Attributes:
        estimate: the mean over groups of the mean over comparisons.
        low: lower end of the 95% interval, by itself.
        high: its upper end.
        p_value: two-sided, against chance, by the share of resamples on the other side of it.
        corrected: the p-value corrected for all scores that are tested together (Holm, 1979).
        above: how much higher it is than the area of the score that all are compared with.
        above_low: lower end of the 95% interval of that.
        above_high: its upper end.
        by_comparison: the area in each comparison.
    """

    estimate: float
    low: float
    high: float
    p_value: float
    corrected: float
    above: float
    above_low: float
    above_high: float
    by_comparison: tuple[float, ...]


def areas(
    wins_of: Sequence[Sequence[np.ndarray]], groups: Sequence[str], compared_with: int, seed: Seed
) -> tuple[Area, ...]:
    """Return the area of each score, with intervals and p-values.

    Args:
        wins_of: for each score and each comparison, what `wins` returned.
        groups: the group that each comparison belongs to.
        compared_with: the score whose area the others are held to.
        seed: for the bootstrap.
    """
    alone = np.array([[matrix.mean() for matrix in every] for every in wins_of])
    names = list(dict.fromkeys(groups))
    members = [np.array([place for place, group in enumerate(groups) if group == name]) for name in names]
    estimates = np.mean([alone[:, places].mean(axis=1) for places in members], axis=0)
    drawn = _resampled(wins_of, members, seed.split("bootstrap").generator())
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    above = drawn - drawn[:, [compared_with]]
    above_low, above_high = np.quantile(above, [tail, 1 - tail], axis=0)
    beyond = np.minimum((drawn <= CHANCE).sum(axis=0), (drawn >= CHANCE).sum(axis=0))
    p_values = np.minimum(1.0, 2 * (beyond + 1) / (RESAMPLES + 1))
    corrected = holm(p_values)
    return tuple(
        Area(
            *(float(estimates[score]), float(low[score]), float(high[score])),
            *(float(p_values[score]), float(corrected[score])),
            *(float(estimates[score] - estimates[compared_with]), float(above_low[score]), float(above_high[score])),
            by_comparison=tuple(alone[score].tolist()),
        )
        for score in range(len(wins_of))
    )


def holm(p_values: Float[np.ndarray, " tests"]) -> Float[np.ndarray, " tests"]:
    """Return p-values corrected for how many they are, so that the chance of any false one is kept (Holm, 1979)."""
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(factors * p_values[order]))
    return corrected


def _resampled(
    wins_of: Sequence[Sequence[np.ndarray]],
    members: Sequence[Int[np.ndarray, " comparisons"]],
    random: np.random.Generator,
) -> Float[np.ndarray, "resamples scores"]:
    """Return the areas of all scores in each resample of groups, of comparisons in them, and of rows of both kinds."""
    found = np.zeros((RESAMPLES, len(wins_of)))
    by_row = []
    for comparison in range(len(wins_of[0])):
        stacked = np.stack([every[comparison] for every in wins_of])  # scores, positives, negatives
        weights = [
            random.multinomial(count, np.full(count, 1 / count), RESAMPLES) / count for count in stacked.shape[1:]
        ]
        by_row.append(np.einsum("rp,spn,rn->rs", weights[0], stacked, weights[1], optimize=True))
    for _ in members:
        groups = random.integers(0, len(members), RESAMPLES)
        for group, places in enumerate(members):
            chosen = np.flatnonzero(groups == group)
            picks = places[random.integers(0, len(places), (len(chosen), len(places)))]
            theirs = np.stack(by_row)[picks, chosen[:, None]]
            found[chosen] += theirs.mean(axis=1) / len(members)
    return np.round(found, 12)  # sums of shares of one miss it by a last bit
