"""How far an executor's own intervals may be believed, and how narrow they became.

Whether an interval holds the truth is kept with every answer, as is half its width in the answer's unit, mean over the
outputs. Widths of different questions have different units; what can be averaged is how much narrower an interval is
than that of the black-box arm's first answer to the question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from istar.rewards.curves import Curve


@dataclass(frozen=True)
class Intervals:
    """What the 95% intervals of an arm are worth; None where none was stated.

    Attributes:
        coverage: how often they held the truth, over outputs and budgets short of brute force, and then over answers.
        stop_coverage: how often those did with which the executor stopped, over outputs and then over answers.
        stop_width: how wide these were, as a share of the black-box arm's at its first budget; mean over answers.
    """

    coverage: float | None
    stop_coverage: float | None
    stop_width: float | None

    def to_json(self) -> dict[str, Any]:
        """Return them as JSON values."""
        return asdict(self)


def intervals(curves: Sequence[Curve], baseline: Sequence[Curve]) -> Intervals:
    """Return what the intervals of an arm are worth.

    Args:
        curves: the arm's; each counts the same.
        baseline: the black-box arm's on the same questions with the same seeds.
    """
    stated = [[each for each in curve.coverage[:-1] if each is not None] for curve in curves]
    first = {_key(curve): next((each for each in curve.half_width if each), None) for curve in baseline}
    widths = []
    for curve in curves:
        known, widest = [each for each in curve.stop_half_width if each is not None], first.get(_key(curve))
        if known and widest:
            widths.append(fmean(known) / widest)
    return Intervals(
        coverage=_mean([fmean(each) for each in stated if each]),
        stop_coverage=_mean([curve.stop_coverage for curve in curves if curve.stop_coverage is not None]),
        stop_width=_mean(widths),
    )


def _key(curve: Curve) -> tuple[str, str, int]:
    return curve.task, curve.question_hash, curve.seed


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
