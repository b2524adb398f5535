"""What an executor believed of a method, as a table, and in sentences why its channels were bought or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from istar.cli.app import output, table
from istar.reports.words import at_first_and_last, share, why

if TYPE_CHECKING:
    from istar.protocol.scoring import MethodScore
    from istar.rewards.believed import Believed

LEVELS = ("arms", "replicates", "cells", "answer")
DIFFERS = 0.1
"""The range of the correlation with the answer is shown where answers differ by more."""


def show_believed(result: MethodScore) -> None:
    """Print for each task what the executor believed of a method, and why it bought its channels or did not."""
    shown = table(
        f"what was believed of {result.method}: correlations at first / in the end, prices as shares of brute force",
        *("", *(f">{level}" for level in LEVELS), ">first batch", ">all", ">worth at most", ">one more brings"),
    )
    sentences: list[tuple[str, str]] = []
    for task in (each.name for each in result.summary.tasks):
        found = result.believed(task)
        if found is None:
            sentences.append((task, "the executor does not say what it believed"))
            continue
        if found.numbers.get("price"):
            shown.add_row(task, *_cells(found))
        sentences += [(task, sentence) for sentence in why(found)]
    if shown.row_count:
        output.show(shown)
    for task, sentence in sentences:
        output.tell(sentence, f"{task}:")


def _cells(found: Believed) -> list[str]:
    numbers = found.numbers
    rho = [at_first_and_last(numbers[f"rho.{level}"]) if f"rho.{level}" in numbers else "-" for level in LEVELS]
    low, high = found.ranges.get("rho.answer", (0.0, 0.0))
    if high - low > DIFFERS:
        rho[-1] += f" ({low:.2f} to {high:.2f})"
    price, worth, more = (numbers.get(name) for name in ("price", "break_even", "next"))
    return [
        *rho,
        "-" if price is None else share(price[0]),
        "-" if price is None else share(price[-1]),
        "-" if worth is None else share(worth[-1]),
        "-" if more is None else f"{more[-1]:+.3f}",
    ]
