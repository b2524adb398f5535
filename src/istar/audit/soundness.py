"""Second desideratum: is a task's answer the same when asked again, and cheap to check?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from istar.rewards.bootstrap import RESAMPLES
from istar.seeds import Seed
from istar.truth import Digest, Table
from istar.truth.summaries import task_reliability

SPOT_CHECK = 0.01
"""Share of the cells that checking a claimed table computes again."""


@dataclass(frozen=True)
class Soundness:
    """How far a task's truth can be trusted, and what checking it costs.

    Attributes:
        reliability: see `istar.truth.reliability`; None for fewer than three questions of a short answer.
        low: lower end of its 95% interval, by bootstrap over questions.
        high: upper end.
        recomputed: how many cells were computed again without packing.
        largest_error: the largest difference that this found, in the readout's unit; None if none was computed.
        wrong: how many of them were out of tolerance.
        check_share: FLOPs of computing one percent of the cells again, each alone, over those of brute force.
    """

    reliability: float | None
    low: float | None
    high: float | None
    recomputed: int
    largest_error: float | None
    wrong: int
    check_share: float


def reliability_interval(digests: Sequence[Digest], seed: Seed) -> tuple[float | None, float | None]:
    """Return a 95% interval of a task's reliability, by bootstrap over its questions; (None, None) where it has none.

    Resamples in which all questions are the same one say nothing of the spread between questions and are drawn again.
    """
    if task_reliability(digests) is None or len(digests) < 2:
        return None, None
    generator = seed.split("reliability interval", digests[0].key.task).generator()
    found: list[float] = []
    while len(found) < RESAMPLES:
        drawn = generator.integers(len(digests), size=len(digests))
        if len(set(drawn.tolist())) > 1:
            reliability = task_reliability([digests[place] for place in drawn])
            assert reliability is not None
            found.append(reliability)
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def check_share(tables: Sequence[Table]) -> float:
    """Return what a spot check costs: `SPOT_CHECK` of the cells, each run alone, over brute force."""
    return float(np.mean([SPOT_CHECK * float(table.prices.row_flops.sum()) / table.brute_flops for table in tables]))
