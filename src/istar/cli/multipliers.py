"""How multipliers and skill gains are shown: never without their interval."""

from __future__ import annotations

from rich.table import Table

from istar.cli.app import table
from istar.cli.console import styled
from istar.rewards.multipliers import Comparison, MultiplierEstimate, Summary

LEVEL = 0.8
"""The level of skill at which a single multiplier is shown."""
SIGNS = {"exact": "", "at_least": ">= ", "at_most": "<= ", "unknown": "~ "}


def summary_table(title: str, summary: Summary) -> Table:
    """Return multipliers and skill gains of every task, every family and overall."""
    levels = [f">multiplier at skill {level}" for level in summary.overall.multipliers]
    shown = table(title, "", ">questions", *levels, ">skill gain")
    for task in summary.tasks:
        shown.add_row(task.name, *_cells(task))
    shown.add_section()
    for family in summary.families:
        shown.add_row(f"family {family.name}", *_cells(family))
    shown.add_row(styled("all", "bold"), *_cells(summary.overall))
    return shown


def _cells(comparison: Comparison) -> list[str]:
    cells = [multiplier(each) for each in comparison.multipliers.values()]
    return [str(_questions(comparison)), *cells, gain(comparison)]


def _questions(comparison: Comparison) -> int:
    return next(iter(comparison.multipliers.values())).questions


def gain(comparison: Comparison) -> str:
    """Return a skill gain with its 95 % interval."""
    found = comparison.skill_gain
    return f"{found.estimate:+.3f} {_interval(_questions(comparison), f'{found.low:+.3f} to {found.high:+.3f}')}"


def multiplier(each: MultiplierEstimate) -> str:
    """Return a multiplier with its 95 % interval, and a sign where it is only a bound."""
    interval = _interval(each.questions, f"{each.low:.2f} to {each.high:.2f}")
    return f"{SIGNS[each.bound]}{each.estimate:.2f} {interval}"


def _interval(questions: int, interval: str) -> str:
    """Return an interval in brackets; nothing is known of how a single question differs from others."""
    return f"({interval})" if questions > 1 else "(1 question: no interval)"
