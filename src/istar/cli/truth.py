"""`istar truth build` and `istar truth verify`: brute force, and the check on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from istar.cli.app import ERROR, GOES_ON, SUCCESS, command, group, output, print_json, quantity, table, when_interrupted
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


@command("istar truth build", "istar truth build shot_shapley --questions 16", of=truth)
def build(
    names: Names = None,
    /,
    *,
    target: OtherTarget = None,
    dtype: Dtype = "float32",
    questions: Annotated[int, Parameter(help="Questions of each task.")] = 8,
    seed: SeedNumber = 0,
    as_json: AsJson = False,
) -> None:
    """Run every row of the questions that have no table yet; resumable, also within a question."""
    from istar.cli.progress import ticker
    from istar.targets import load_target
    from istar.tasks import select_tasks
    from istar.truth import build_truth

    _check_count(questions)
    chosen = by_target(select_tasks(names or []), target)
    built = []
    with when_interrupted(lambda: GOES_ON), ticker("loading", None) as bar:
        for name, theirs in chosen.items():
            made = build_truth(
                theirs,
                load_target(name, dtype),
                questions=range(questions),
                seed=seed,
                progress=lambda task, index: lambda done, total: bar.move(done, total, f"{task.name} {index}"),
            )
            for made_table in made:
                built.append(
                    {
                        "task": made_table.question.task,
                        "target": name,
                        "question": made_table.question.index,
                        "rows": len(made_table.values),
                        "brute_flops": made_table.brute_flops,
                        "reliability": made_table.reliability,
                    }
                )
                bar.note(f"{made_table.question.task} {made_table.question.index}: {len(made_table.values)} rows")
    if as_json:
        print_json(built)
        return
    shown = table("Built", "task", "target", ">question", ">rows", ">brute FLOPs", ">reliability")
    for each in built:
        reliability = "-" if each["reliability"] is None else f"{each['reliability']:.2f}"
        brute = quantity(float(str(each["brute_flops"])))
        where = (str(each["task"]), str(each["target"]), str(each["question"]))
        shown.add_row(*where, str(each["rows"]), brute, reliability)
    output.print(shown if built else "every table asked for was there already")


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
                    tables += load_tables(task.name, loaded.id, questions, seed)
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
