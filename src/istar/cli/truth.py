"""`istar truth build` and `istar truth verify`: brute force, and the check on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from istar.cli.app import ERROR, GOES_ON, PARTIAL, SUCCESS, command, group, output, print_json, table, when_interrupted
from istar.cli.console import styled
from istar.cli.options import AsJson, Dtype, OtherTarget, SeedNumber

if TYPE_CHECKING:
    from istar.tasks import Task

truth = group("truth", "Build and verify truth tables.", "istar truth build shot_shapley")

MOST_QUESTIONS = 10_000

Names = Annotated[list[str] | None, Parameter(help="Tasks, families or splits; all if none is named.", negative="")]


def by_target(chosen: Iterable[Task], target: str | None) -> dict[str, list[Task]]:
    """Return tasks by the target they are about, or all under the one given instead."""
    grouped: dict[str, list[Task]] = {}
    for task in chosen:
        grouped.setdefault(target or task.home, []).append(task)
    return grouped


@command(
    "istar truth build", "istar truth build shot_shapley --questions 16", "istar truth build train --dry-run", of=truth
)
def build(
    names: Names = None,
    /,
    *,
    target: OtherTarget = None,
    dtype: Dtype = "float32",
    questions: Annotated[int, Parameter(help="Questions of each task.")] = 8,
    seed: SeedNumber = 0,
    force: Annotated[bool, Parameter(negative="", help="Build tables anew that are there and good.")] = False,
    dry_run: Annotated[
        bool, Parameter(negative="", help="Say what would be built and its price; build nothing.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Run every row of the questions that have no table yet, or a stale one; resumable, also within a question.

    A table is stale if it answers another question than its family asks now, since the family or the target's
    tokenizer has changed. What cannot be built is skipped and named with the reason, and the exit code is 4; where a
    single task is asked for, it is an error.
    """
    from istar.cli.building import Building
    from istar.cli.progress import ticker
    from istar.tasks import select_tasks

    _check_count(questions)
    selected = select_tasks(names or [])
    work = Building(by_target(selected, target), dtype, range(questions), seed, force, alone=len(selected) == 1)
    with when_interrupted(lambda: GOES_ON), ticker("loading", None) as bar:
        if dry_run:
            work.plan(bar)
        else:
            work.build(bar)
    if as_json:
        print_json(work.to_json())
    else:
        work.show()
    return PARTIAL if work.skipped else SUCCESS


@command("istar truth verify shot_shapley --fraction 0.02", of=truth)
def verify(
    names: Names = None,
    /,
    *,
    target: OtherTarget = None,
    dtype: Dtype = "float32",
    fraction: Annotated[float, Parameter(help="Share of the rows of each table to recompute.")] = 0.01,
    questions: Annotated[int | None, Parameter(help="Questions of each task; all that have tables by default.")] = None,
    seed: SeedNumber = 0,
    as_json: AsJson = False,
) -> int:
    """Recompute a random sample of cells without packing, one plain forward each, and compare.

    Exits with 1 if a cell could not be reproduced.
    """
    from dataclasses import asdict

    from istar.cli.progress import ticker
    from istar.targets import load_target
    from istar.tasks import select_tasks
    from istar.truth import MissingTruthError, load_tables, verify_table
    from istar.truth.verify import check_fraction

    _check_count(questions)
    check_fraction(fraction)
    chosen = by_target(select_tasks(names or []), target)
    checked = []
    with ticker("loading", None) as bar:
        for name, theirs in chosen.items():
            loaded = load_target(name, dtype)
            tables = []
            for task in theirs:
                try:
                    tables += load_tables(task, loaded, questions, seed)
                except MissingTruthError:
                    if names:
                        raise
            bar.say(f"verifying on {name}", len(tables))
            for each in tables:
                checked.append(verify_table(loaded, each, fraction, seed))
                bar.step(f"verifying {each.question.task} {each.question.index}")
    passed = all(found.passed for found in checked)
    if as_json:
        print_json([{**asdict(found), "passed": found.passed} for found in checked])
        return SUCCESS if passed else ERROR
    shown = table("Verified", "task", ">question", ">cells", ">largest error", "")
    for found in checked:
        verdict = styled("ok", "green") if found.passed else styled(f"{len(found.wrong)} wrong", "red")
        shown.add_row(found.key.task, str(found.key.index), str(found.rows), f"{found.largest_error:.2e}", verdict)
    output.print(shown)
    return SUCCESS if passed else ERROR


def _check_count(questions: int | None) -> None:
    """Check that a number of questions is one, before anything is loaded."""
    from istar.truth import TruthError

    if questions is not None and not 0 < questions <= MOST_QUESTIONS:
        raise TruthError(f"{questions} questions cannot be asked for; give a number from 1 to {MOST_QUESTIONS}")
