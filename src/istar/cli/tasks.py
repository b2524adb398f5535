"""`istar tasks`: the tasks there are, what their truth tables say of them, and new ones."""

from __future__ import annotations

import re
from importlib.resources import files
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from istar.cli.app import command, group, output, print_json, quantity, table
from istar.cli.options import AsJson, OtherTarget

if TYPE_CHECKING:
    from istar.truth import TaskSummary

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")

tasks = group("tasks", "List tasks, audit them, write new ones.", "istar tasks --json")


@tasks.default
def show(*, target: OtherTarget = None, as_json: AsJson = False) -> None:
    """List the tasks: split, target, questions, cost of brute force, reliability, and which were dropped and why."""
    from dataclasses import asdict

    from istar.truth import default_store, target_id, task_summaries

    if target is not None:
        target_id(target, default_store())  # or the error that says which targets have tables
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
                output.tell(f"{each.name}: {remark}")


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


@command("istar tasks new copy_distance", of=tasks)
def new(
    name: Annotated[str, Parameter(help="The family's name, such as copy_distance.")],
    /,
    *,
    folder: Annotated[Path, Parameter(help="Where the files go.")] = Path(),
) -> None:
    """Write a task family that runs, with its tests: a start for your own."""
    from istar.files import storing, write_whole
    from istar.plugins import VARIABLE
    from istar.tasks import FAMILIES, TaskError

    if not NAME.fullmatch(name) or iskeyword(name):
        raise TaskError(
            f"{name[:80]!r} cannot be a family's name; use up to 60 small letters, digits and underscores, and no word "
            "of Python's own"
        )
    if name in FAMILIES:
        raise TaskError(f"there is a family called {name!r} already; give yours another name")
    wanted = {folder / f"{name}.py": "family.py.txt", folder / f"test_{name}.py": "test_family.py.txt"}
    with storing(folder):
        there = [str(path) for path in wanted if path.exists()]
    if there:
        raise TaskError(f"{' and '.join(there)} would be overwritten; move them or give another name")
    for path, template in wanted.items():
        write_whole(path, rendered(template, name).encode())
    written = folder / f"{name}.py"
    output.tell(
        f"wrote {' and '.join(map(str, wanted))}\n"
        f"test it:   pytest {folder / f'test_{name}.py'}\n"
        f"run it:    {VARIABLE}={written} istar truth build {name} --target tiny-random --questions 3\n"
        f"see it:    {VARIABLE}={written} istar tasks --target tiny-random",
    )


def rendered(template: str, name: str) -> str:
    """Return a template's text for a family of this name."""
    klass = "".join(word.capitalize() for word in name.split("_"))
    return (files("istar.cli") / "templates" / template).read_text(encoding="utf-8").format(name=name, klass=klass)
