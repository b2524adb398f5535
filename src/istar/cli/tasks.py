"""`istar tasks`: the tasks there are, what their truth tables say of them, and new ones."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import chain
from keyword import iskeyword
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.segment import Segment, Segments

from istar.cli.app import command, group, notes, output, print_json, quantity, table
from istar.cli.options import AsJson, OtherTarget
from istar.texts import visible

if TYPE_CHECKING:
    from istar.truth import TaskSummary

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")

tasks = group(
    "tasks",
    "List tasks, audit them, write new ones.",
    "istar tasks",
    "istar tasks train shot_order --target tiny-random",
    "istar tasks --json",
)


@tasks.default
def show(
    names: Annotated[
        list[str] | None, Parameter(help="Tasks, families or splits; all that have tables if none.", negative="")
    ] = None,
    /,
    *,
    target: OtherTarget = None,
    as_json: AsJson = False,
) -> None:
    """List tasks: split, target, questions, cost of brute force, reliability, and which were dropped and why."""
    from dataclasses import asdict

    from istar.tasks import select_tasks
    from istar.truth import default_store, target_id, task_summaries

    chosen = select_tasks(names or [])
    if target is not None and not names:
        target_id(target, default_store())  # or the error that says which targets have tables
    summaries = task_summaries(target, chosen, thorough=False)
    if as_json:
        print_json([asdict(summary) for summary in summaries])
        return
    shown = [each for each in summaries if each.questions or each.stale or names]
    if shown:
        _print(shown)
    for each in shown:
        for remark in (each.reason, *each.marks):
            if remark:
                output.tell(f"{each.name}: {remark}")
    if len(shown) < len(summaries):
        families = len({each.family for each in summaries if each not in shown})
        output.tell(
            f"{len(summaries) - len(shown)} tasks of {families} families have no tables{_on(target)}; name a split, a "
            f"family or a task to see them: `istar tasks train{_option(target)}`"
        )
    if unchecked := sum(each.unchecked for each in summaries):
        notes.tell(
            f"of {unchecked} tables it is not known here whether their questions are still asked; `istar truth build` "
            "finds out, and so does whatever uses a table"
        )


def _on(target: str | None) -> str:
    return "" if target is None else f" on {target}"


def _option(target: str | None) -> str:
    return "" if target is None else f" --target {quote(target)}"


def _print(summaries: list[TaskSummary]) -> None:
    """Print a line a task where lines are wide enough; elsewhere its family, split and target stand above it."""
    figures = (">questions", ">runs", ">FLOPs", ">x dearest", ">reliability", "status")
    wide = table("Tasks", "task", "split", "target", *figures)
    narrow = table("Tasks", "", *figures)
    for each in summaries:
        wide.add_row(each.name, each.split, each.target, *_figures(each))
        narrow.add_row(f"  {each.name.partition('/')[2]}", *_figures(each))
    if output.needs(wide) <= output.width or output.needs(narrow) > output.width:
        output.print(wide)
        return
    lines = output.render_lines(narrow, pad=False, new_lines=True)
    top, rows = lines[: -len(summaries)], lines[-len(summaries) :]
    shown = list(chain.from_iterable(top))
    above = ""
    for each, row in zip(summaries, rows, strict=True):
        heading = f"{each.family} ({each.split}, {each.target})\n"
        shown += [Segment(visible(heading))] * (heading != above) + row
        above = heading
    output.print(Segments(shown), end="")


def _figures(summary: TaskSummary) -> tuple[str, ...]:
    ratio = summary.times_dearest_run
    return (
        str(summary.questions),
        str(summary.runs),
        quantity(summary.brute_flops),
        "-" if ratio is None else f"{ratio:.0f}",
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
    known = f"{VARIABLE}={quote(str(folder / f'{name}.py'))} istar"
    output.tell(
        f"wrote {' and '.join(map(str, wanted))}\n"
        f"test it:   pytest {quote(str(folder / f'test_{name}.py'))}\n"
        f"run it:    {known} truth build {name} --target tiny-random --questions 3\n"
        f"see it:    {known} tasks {name} --target tiny-random\n"
        f"score on:  {known} score answer_logits --task {name} --target tiny-random --questions 3"
    )


def rendered(template: str, name: str) -> str:
    """Return a template's text for a family of this name."""
    klass = "".join(word.capitalize() for word in name.split("_"))
    return (files("istar.cli") / "templates" / template).read_text(encoding="utf-8").format(name=name, klass=klass)
