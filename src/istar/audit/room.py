"""Third desideratum: how much can be saved, and do tasks tell different methods apart?

What methods save is read from files that `istar score` or `istar unseal` wrote: nobody's method is run here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from istar.errors import IstarError
from istar.files import read_text
from istar.rewards import LEVELS

REDUNDANT = 0.95
"""Tasks whose method rewards correlate at least this much tell methods apart in the same way."""

FEWEST_METHODS = 4


class ScoreFileError(IstarError):
    """A file that neither `istar score` nor `istar unseal` wrote."""


@dataclass(frozen=True)
class KnownMethods:
    """What methods are known to be worth on tasks.

    Attributes:
        multipliers: by task, by method, the compute multiplier at each level of skill.
    """

    multipliers: Mapping[str, Mapping[str, Mapping[float, float]]]

    def best(self, task: str, level: float) -> tuple[str, float] | None:
        """Return the method with the greatest multiplier on a task, and the multiplier; None if none was scored."""
        found = {method: levels[level] for method, levels in self.multipliers.get(task, {}).items()}
        return max(found.items(), key=lambda item: item[1]) if found else None

    def rewards(self, task: str) -> dict[str, float]:
        """Return each method's mean log10 multiplier over the levels of skill."""
        return {
            method: float(np.mean(np.log10([levels[level] for level in LEVELS])))
            for method, levels in self.multipliers.get(task, {}).items()
        }


def known_methods(files: Iterable[Path]) -> KnownMethods:
    """Return what score files say.

    Args:
        files: each holds what `istar score --json` or `istar unseal --json` printed, or a list of scores.

    Raises:
        ScoreFileError: a file holds something else.
        StorageError: a file cannot be read.
    """
    found: dict[str, dict[str, dict[float, float]]] = {}
    for file in files:
        try:
            data = json.loads(read_text(file))
            unsealed = isinstance(data, dict) and "methods" in data
            for score in data["methods"] if unsealed else data if isinstance(data, list) else [data]:
                for task in score["tasks"]:
                    found.setdefault(task["task"], {})[score["method"]] = _multipliers(task)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ScoreFileError(
                f"{file} is not what `istar score --json` or `istar unseal --json` writes: {error!r}"
            ) from error
    return KnownMethods(found)


def _multipliers(task: Mapping[str, Any]) -> dict[float, float]:
    return {level: float(task["multipliers"][str(level)]["estimate"]) for level in LEVELS}


@dataclass(frozen=True)
class Pair:
    """Two tasks that tell methods apart in the same way.

    Attributes:
        first: a task.
        second: another.
        correlation: Pearson correlation of the rewards of the methods scored on both.
        methods: how many those are.
    """

    first: str
    second: str
    correlation: float
    methods: int


def redundant_tasks(known: KnownMethods, names: Sequence[str]) -> tuple[Pair, ...]:
    """Return the pairs of tasks on which methods' rewards go together, the most alike first.

    A method without an effect on either task says nothing of their likeness and is left out.
    """
    pairs = []
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            one, other = known.rewards(first), known.rewards(second)
            both = sorted(method for method in set(one) & set(other) if one[method] or other[method])
            x, y = np.array([one[method] for method in both]), np.array([other[method] for method in both])
            if len(both) < FEWEST_METHODS or x.std() == 0 or y.std() == 0:
                continue
            correlation = float(np.corrcoef(x, y)[0, 1])
            if correlation >= REDUNDANT:
                pairs.append(Pair(first, second, correlation, len(both)))
    return tuple(sorted(pairs, key=lambda pair: -pair.correlation))
