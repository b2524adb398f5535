"""The portfolio: which variant of the statistician answers which kind of functional.

The choice was made on the tables of the training families alone and is frozen in `portfolio.json`, with the scores that
made it. For functionals that no training family has (a maximum, a tail) it was made by applying them to training
tables. `python -m istar.making.statistician.calibrate` makes it again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from istar.executors.statistician.variants import Variant


@dataclass(frozen=True)
class Portfolio:
    """The frozen choice.

    Attributes:
        choice: variant by kind of functional.
        default: for kinds that were not calibrated.
        factors: by kind of functional, what stated spreads are multiplied with (`istar.making.statistician.spreads`).
    """

    choice: dict[str, Variant]
    default: Variant
    factors: dict[str, float]

    def variant(self, kind: str) -> Variant:
        """Return the variant for a kind of functional."""
        return self.choice.get(kind, self.default)

    def spread_factor(self, kind: str) -> float:
        """Return what the spreads of a kind of functional are multiplied with, 1 where that was not measured."""
        return self.factors.get(kind, 1.0)


@cache
def portfolio() -> Portfolio:
    """Return the committed portfolio."""
    path = files("istar.executors.statistician") / "portfolio.json"
    data: dict[str, Any] = json.loads(path.read_text())
    return Portfolio(
        {kind: Variant(**item["variant"]) for kind, item in data["choice"].items()},
        Variant(),
        {kind: float(item["spread_factor"]) for kind, item in data["choice"].items() if "spread_factor" in item},
    )
