"""A curve under other prices: the same purchases, at what they would have cost.

What an executor bought was decided by the old prices and stays; only the bill changes. Prices are relative: a budget is
the same share of brute force as before, so that only what methods cost in terms of rows moves a curve. The executor's
own arithmetic, which no rulebook prices, keeps its share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from jaxtyping import Float, Int

from istar.errors import IstarError
from istar.rewards.curves import Curve, MethodFacts


class RepricedError(IstarError):
    """Prices that are not of the curve they were given for."""


@dataclass(frozen=True)
class BatchPrices:
    """What the nested batches of channels cost, cumulative, in FLOPs.

    Attributes:
        old: as the curve was charged.
        new: under the other prices.
    """

    old: Sequence[int] = ()
    new: Sequence[int] = ()


def repriced(curve: Curve, brute_flops: int, batches: BatchPrices) -> Curve:
    """Return a curve under other prices.

    An answer stands at the budget that its purchases need now; between two such budgets loss and skill are interpolated
    in the logarithm of FLOPs, and below the first one nothing was bought, which is the blind answer.

    Args:
        curve: as it was stored.
        brute_flops: FLOPs of buying every row under the other prices; what rows cost is taken to change alike.
        batches: what its method's batches of channels cost; none in the black-box arm.

    Raises:
        RepricedError: the curve bought batches whose cost is not given, or for more than it spent.
    """
    if brute_flops <= 0:
        raise RepricedError(f"brute force costs {brute_flops} FLOPs under these prices; it must cost something")
    scale = Fraction(brute_flops, curve.brute_flops)
    stretch = _stretch(curve, float(scale), batches)
    budgets = _budgets(curve, scale)
    needed = np.maximum.accumulate(np.log(budgets) + np.log(stretch))
    at = np.log(budgets)
    standing = np.searchsorted(needed, at + 1e-12, side="right") - 1  # the last answer within each budget; -1 for none
    covered = standing >= 0

    def between(series: Sequence[float], blind: float) -> tuple[float, ...]:
        values = np.interp(at, needed, np.array(series, dtype=np.float64))
        return tuple(float(value) for value in np.where(covered, values, blind))

    def steps(series: Sequence[int]) -> tuple[int, ...]:
        return tuple(int(value) for value in np.where(covered, np.array(series)[standing], 0))

    def stated(series: Sequence[float | None]) -> tuple[float | None, ...]:
        return tuple(series[at] if at >= 0 else None for at in standing) if series else ()

    spent = [round(scale * each * Fraction(float(by))) for each, by in zip(curve.flops, stretch, strict=True)]
    arithmetic = [round(scale * each) for each in curve.executor_flops]
    stop = int(np.searchsorted(curve.flops, curve.stop_flops))
    at_stop = Fraction(float(stretch[min(stop, len(stretch) - 1)]))
    return replace(
        curve,
        brute_flops=brute_flops,
        checkpoints=tuple(int(each) for each in budgets),
        flops=steps(spent),
        loss=between(curve.loss, curve.reference_loss),
        skill=between(curve.skill, 0.0),
        rows=steps(curve.rows),
        coverage=stated(curve.coverage),
        half_width=stated(curve.half_width),
        channel_batches=steps(curve.channel_batches),
        executor_flops=steps(arithmetic),
        stop_flops=round(scale * curve.stop_flops * at_stop),
        method=_facts_at(curve.method, batches),
    )


def _facts_at(facts: MethodFacts | None, batches: BatchPrices) -> MethodFacts | None:
    """Return what a method said at the other prices, by which `interpret` was not counted."""
    if facts is None:
        return None
    return replace(facts, interpretation_flops=None, flops=int(batches.new[-1]) if batches.new else facts.flops)


def _stretch(curve: Curve, scale: float, batches: BatchPrices) -> Float[np.ndarray, " checkpoints"]:
    """Return how many times as much each checkpoint's purchases cost, as shares of brute force."""
    most = max(curve.channel_batches)
    where = f"curve of {curve.task}, question {curve.question_hash[:12]}, seed {curve.seed}"
    if most > min(len(batches.old), len(batches.new)):
        raise RepricedError(f"{where}: it bought {most} batches of channels, and what they cost is not known of all")
    bought = np.array(curve.channel_batches)
    old = np.array([0, *batches.old], dtype=np.float64)[bought]
    new = np.array([0, *batches.new], dtype=np.float64)[bought]
    spent = np.array(curve.flops, dtype=np.float64)
    if (old > spent).any():
        raise RepricedError(f"{where}: its batches of channels cost more than it spent")
    changed: Float[np.ndarray, " checkpoints"] = np.ones(len(spent))
    np.divide(spent - old + new / scale, spent, out=changed, where=old > 0)
    np.maximum(changed, np.finfo(np.float64).tiny, out=changed)  # where all went for channels that are free now
    return changed


def _budgets(curve: Curve, scale: Fraction) -> Int[np.ndarray, " checkpoints"]:
    """Return the budgets as the shares of brute force that they were."""
    budgets = [max(1, int(each * scale)) for each in curve.checkpoints]
    for place in range(1, len(budgets)):
        budgets[place] = max(budgets[place], budgets[place - 1] + 1)
    return np.array(budgets, dtype=np.int64)
