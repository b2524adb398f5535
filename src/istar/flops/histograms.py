"""Histograms: FLOPs by operation, or by any other name, the dearest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


def added_up(*histograms: Mapping[str, int]) -> dict[str, int]:
    """Return the sum of histograms in the order in which a meter lists operations: dearest first, then by name."""
    total: Counter[str] = Counter()
    for histogram in histograms:
        total.update(histogram)
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))
