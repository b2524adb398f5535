"""Scores of many methods as one table, from what `istar score` and `istar unseal` wrote."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from istar.audit.room import ScoreFileError
from istar.files import read_text

LEVEL = "0.8"
"""The level of skill at which multipliers are shown."""
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class SplitScore:
    """What a method was worth on the families of a split.

    Attributes:
        method: its name.
        split: the split.
        reward: the reward; None if it failed on every task.
        multiplier: the compute multiplier at `LEVEL` over all families, and its 95% interval, which a single question
            has not; None likewise.
        failures: how many tasks it failed on.
        cap: the share of brute force after which it was asked no further; None where the file does not say.
    """

    method: str
    split: str
    reward: float | None
    multiplier: tuple[float, float | None, float | None] | None
    failures: int
    cap: float | None = None


def read_scores(files: Iterable[Path]) -> list[SplitScore]:
    """Return the scores in files that `istar score --out` or `istar unseal --json` wrote.

    Raises:
        ScoreFileError: a file holds something else.
    """
    found = []
    for file in files:
        try:
            data = json.loads(read_text(file))
            if isinstance(data, dict) and "methods" in data:
                found += [_score(each, "test", each["reward"], each["summary"]) for each in data["methods"]]
            else:
                for each in data if isinstance(data, list) else [data]:
                    found.append(_score(each, each["tasks"][0]["split"], each["summary"]["reward"], each["summary"]))
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            raise ScoreFileError(f"{file} is not what `istar score` or `istar unseal` writes: {error!r}") from error
    return found


def _score(data: Mapping[str, Any], split: str, reward: float | None, summary: Mapping[str, Any] | None) -> SplitScore:
    multiplier = None
    if summary is not None:
        level = summary["multipliers"][LEVEL]
        multiplier = (float(level["estimate"]), _end(level["low"]), _end(level["high"]))
    cap = data.get("caps", {}).get("flops_fraction")
    return SplitScore(data["method"], split, reward, multiplier, len(data["failures"]), cap)


def _end(number: float | None) -> float | None:
    return None if number is None else float(number)


def library_table(scores: Iterable[SplitScore]) -> str:
    """Return scores as a Markdown table, a line a method, the best in training first.

    The cap is the share of brute force that a method was asked in training. Where other splits were scored, methods
    that were shown on the test alone are left out: they are I* of the runs that opened it.
    """
    known = {(each.method, each.split): each for each in scores}
    splits = [split for split in SPLITS if any(split == of for _, of in known)]
    lines = [
        "| method | cap |" + "".join(f" {split}: reward | multiplier |" for split in splits),
        "|---|---|" + "---|---|" * len(splits),
    ]
    methods = dict.fromkeys(method for method, split in known if split != SPLITS[-1] or splits == [split])

    def place(method: str) -> tuple[float, str]:
        score = known.get((method, splits[0]))
        return (float("inf") if score is None or score.reward is None else -score.reward, method)

    for method in sorted(methods, key=place):
        cells = "".join(_cells(known.get((method, split))) for split in splits)
        first = known.get((method, splits[0]))
        cap = " - |" if first is None or first.cap is None else f" {100 * first.cap:g}% |"
        lines.append(f"| `{method}` |{cap}{cells}")
    return "\n".join(lines)


def _cells(score: SplitScore | None) -> str:
    if score is None or score.reward is None or score.multiplier is None:
        return " - | - |"
    estimate, low, high = score.multiplier
    failed = f" (failed on {score.failures})" if score.failures else ""
    interval = "1 question" if low is None or high is None else f"{low:.2f} to {high:.2f}"
    return f" {score.reward:+.3f}{failed} | {estimate:.2f} ({interval}) |"
