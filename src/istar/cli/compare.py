"""`istar compare`: a run and its controls on one page."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from istar.cli.app import command, output, print_json, table
from istar.cli.options import DEFAULT_RUNS, AsJson, RunsFolder

if TYPE_CHECKING:
    from istar.ledger.schema import Stage
    from istar.reports.comparison import Judged, RunComparison


@command("istar compare first first-random first-shuffled --to comparison.html")
def compare(
    run: Annotated[list[str], Parameter(help="Runs, by name or folder: the one that matters, then its controls.")],
    /,
    *,
    to: Annotated[Path | None, Parameter(help="Write the comparison to this HTML page.")] = None,
    runs: RunsFolder = DEFAULT_RUNS,
    as_json: AsJson = False,
) -> None:
    """Compare a run with its controls: other researchers, other seeds, shuffled rewards, other formulas.

    Everything is read from the runs' ledgers; nothing is run again.
    """
    from istar.files import check_destination
    from istar.protocol.run_folder import find_run
    from istar.reports import compare_runs, write_comparison

    folders = [find_run(name, runs) for name in run]
    if to is not None:
        check_destination(to)
    with ExitStack() as stack:
        ledgers = [stack.enter_context(folder.ledger(read_only=True)) for folder in folders]
        comparison = compare_runs([(ledger, folder.name) for ledger, folder in zip(ledgers, folders, strict=True)])
    if to is not None:
        write_comparison(comparison, to)
    if as_json:
        print_json(comparison.to_json())
        return
    _print(comparison)
    if to is not None:
        output.tell(f"the comparison is in {to}")


def _print(comparison: RunComparison) -> None:
    from istar.reports import words

    shown = table(f"Rewards of I* ({comparison.reward})", "run", "researcher", "I*", ">train", ">validation", ">test")
    for each in comparison.contenders:
        name = "none" if each.best is None else each.best.name
        rewards = (_reward(each.best, "train"), _reward(each.best, "validation"), _reward(each.best, "test"))
        shown.add_row(each.run, each.kind, name, *rewards)
    output.print(shown)
    for each in comparison.contenders:
        if before := words.tried(each.tried):
            output.tell(f"{each.run} tried besides the {each.methods} methods it proposed: {before}")
    _print_plateaus(comparison)


def _print_plateaus(comparison: RunComparison) -> None:
    """Print whether the runs have stopped improving; one alone in words, several as a table."""
    from istar.reports import words

    known = {each.run: each.plateau for each in comparison.contenders if each.plateau is not None}
    if len(known) == 1:
        for run, found in known.items():
            output.tell(words.plateau(found), f"{run}:")
    else:
        columns = (
            "run",
            "judged by",
            ">level",
            ">rounds without",
            ">of",
            "stopped",
            ">chance at most",
            ">gain at most",
        )
        shown = table("Have they stopped improving?", *columns)
        for run, found in known.items():
            bounds = (f"{found.chance:.1%}", "" if found.gain is None else f"{found.gain:+.3f}")
            stopped = "yes" if found.reached else "not known"
            rounds = (f"{found.level:+.3f}", str(found.rounds), str(found.needed))
            shown.add_row(run, f"{found.basis} questions", *rounds, stopped, *bounds)
        output.print(shown)
    if comparison.held is not None:
        output.tell(words.held(comparison.held))


def _reward(judged: Judged | None, stage: Stage) -> str:
    found = None if judged is None else judged.rewards.get(stage)
    return "" if found is None else f"{found.reward:+.3f}"
