"""`istar tasks`: the tasks there are, and what their truth tables say of them."""

from __future__ import annotations

from istar.cli.app import app, output, print_json, quantity, table
from istar.cli.options import DEFAULT_TARGET, AsJson, TargetName


@app.command
def tasks(*, target: TargetName = DEFAULT_TARGET, as_json: AsJson = False) -> None:
    """List the tasks: split, questions, cost of brute force, reliability, and which were dropped and why.

    Example: istar tasks --json
    """
    from dataclasses import asdict

    from istar.truth import task_summaries

    summaries = task_summaries(target)
    if as_json:
        print_json([asdict(summary) for summary in summaries])
        return
    columns = ("task", "split", ">questions", ">runs", ">brute FLOPs", ">of dearest run", ">reliability", "status")
    shown = table(f"Tasks on {target}", *columns)
    for each in summaries:
        ratio = each.brute_flops / each.dearest_run_flops if each.dearest_run_flops else None
        shown.add_row(
            each.name,
            each.split,
            str(each.questions),
            str(each.runs),
            quantity(each.brute_flops),
            "-" if ratio is None else f"{ratio:.0f} x",
            "-" if each.reliability is None else f"{each.reliability:.2f}",
            each.status,
        )
    output.print(shown)
    for each in summaries:
        if each.reason:
            output.print(f"{each.name}: {each.reason}", highlight=False)
