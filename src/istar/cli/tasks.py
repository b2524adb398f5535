"""`istar tasks`: the tasks there are, what their truth tables say of them, and new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cyclopts import App

from istar.cli.app import app, output, print_json, quantity, table
from istar.cli.options import AsJson, OtherTarget

if TYPE_CHECKING:
    from istar.truth import TaskSummary

tasks = App(name="tasks", help="List tasks, audit them, write new ones.", help_format="plaintext")
app.command(tasks)


@tasks.default
def show(*, target: OtherTarget = None, as_json: AsJson = False) -> None:
    """List the tasks: split, target, questions, cost of brute force, reliability, and which were dropped and why.

    Example: istar tasks --json
    """
    from dataclasses import asdict

    from istar.truth import task_summaries

    summaries = task_summaries(target)
    if as_json:
        print_json([asdict(summary) for summary in summaries])
        return
    columns = ("task", "split", "target", ">questions", ">runs", ">brute FLOPs", ">of dearest run", ">reliability")
    shown = table("Tasks", *columns, "status")
    for each in summaries:
        shown.add_row(*_cells(each))
    output.print(shown)
    for each in summaries:
        for remark in (each.reason, *each.marks):
            if remark:
                output.print(f"{each.name}: {remark}", highlight=False)


def _cells(summary: TaskSummary) -> tuple[str, ...]:
    ratio = summary.brute_flops / summary.dearest_run_flops if summary.dearest_run_flops else None
    return (
        summary.name,
        summary.split,
        summary.target,
        str(summary.questions),
        str(summary.runs),
        quantity(summary.brute_flops),
        "-" if ratio is None else f"{ratio:.0f} x",
        "-" if summary.reliability is None else f"{summary.reliability:.2f}",
        summary.status,
    )
