"""`istar unseal`: open the sealed test of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from istar.cli.app import GOES_ON, command, output, print_json, when_interrupted
from istar.cli.options import DEFAULT_RUNS, AsJson, RunName, RunsFolder

if TYPE_CHECKING:
    from istar.ledger import DrawRecord
    from istar.protocol.unseal import TestResult


@command(
    "istar unseal first",
    "istar unseal first --beside my_method.py attention_gates runs/control",
    "istar unseal first --parts",
    "istar unseal first --questions 2",
    "istar unseal demo --committed",
)
def unseal(
    run: RunName,
    *,
    beside: Annotated[
        list[str] | None,
        Parameter(
            name="--beside",
            negative="",
            consume_multiple=True,
            help="Show these methods on the same questions too: files, names of the library, `library` for all of "
            "these, or the folders of other runs for their I*; several after one flag, or the flag again.",
        ),
    ] = None,
    parts: Annotated[
        bool, Parameter(negative="", help="Show I* without each of its channels too, if the grammar made it.")
    ] = False,
    committed: Annotated[
        bool,
        Parameter(negative="", help="Ask the questions with shipped tables, whose answers are public, in minutes."),
    ] = False,
    questions: Annotated[
        int | None, Parameter(help="Fresh questions of each task; as many as the run's settings say by default.")
    ] = None,
    runs: RunsFolder = DEFAULT_RUNS,
    as_json: AsJson = False,
) -> None:
    """Evaluate the best method of a finished search on the test families, which nobody has seen before.

    The questions are drawn from a new seed at this moment, and all their rows are run first; how long that takes is
    said before it begins. Questions with shipped tables are asked beside them: a method whose reward is more than
    chance higher there is marked as memorised. The opening is recorded in the run's ledger with the seed, so that
    reading it again gives the same; the report shows how often the test was opened.
    """
    _check(committed, questions)
    from istar.cli.fresh import build
    from istar.cli.methods import method_files
    from istar.cli.progress import ticker
    from istar.protocol.run_folder import find_run
    from istar.protocol.stages import check_tasks
    from istar.protocol.unseal import best_of, open_test, unseal
    from istar.researchers import ablations

    folder = find_run(run, runs)
    check_tasks(folder.config(), ("test",))
    others = method_files(beside or [])
    with folder.ledger(read_only=True) as ledger:
        # say what is missing before anything long begins
        best = best_of(ledger, folder.name)
        if parts:
            others |= ablations(best.name, best.parameters)

    from istar.protocol.setup import set_up

    with (
        when_interrupted(lambda: GOES_ON),
        folder.alone(),
        ticker("loading", None) as bar,
        set_up(folder.config(), ("test",)) as setup,
        folder.ledger() as ledger,
    ):
        for remark in setup.remarks("test"):
            bar.note(remark, "yellow")
        tables = setup.tables("test")
        opening = open_test(setup, ledger, folder.name, committed=committed, questions=questions, others=others)
        draw = opening.draw
        drawn = None
        if draw is None:
            bar.note("the test asks questions with shipped tables, whose answers are public; see `istar unseal --help`")
        else:
            drawn = build(bar, setup, dict.fromkeys(tables, draw.questions), draw.seed)
        asked = sum(map(len, tables.values())) + sum(map(len, drawn.tables.values() if drawn else ()))
        bar.move(0, asked * (1 + len(others)), "opening the test")
        results = unseal(
            setup,
            ledger,
            folder.name,
            fresh=drawn,
            others=others,
            on_question=lambda name, table: bar.step(f"testing {name} on {table.question.task}"),
        )
    if as_json:
        seed = None if draw is None else draw.seed
        print_json({"run": folder.name, "fresh_seed": seed, "methods": [_json(result) for result in results]})
        return
    for result in results:
        _show(result, draw)


def _check(committed: bool, questions: int | None) -> None:
    from istar.protocol.unseal import UnsealError

    if questions is not None and (committed or questions < 1):
        raise UnsealError(
            "`--questions` is the number of fresh questions of each task, at least 1, without `--committed`"
        )


def _show(result: TestResult, draw: DrawRecord | None) -> None:
    from istar.cli.fresh import beside_table, say_memorised
    from istar.cli.multipliers import summary_table

    which = "with shipped tables" if draw is None else f"drawn afresh (seed {draw.seed})"
    if result.summary is not None:
        output.show(summary_table(f"{result.name} on the test families, by questions {which}", result.summary))
        output.print(f"reward: {result.reward:+.3f}\n")
    for reason in result.failures.values():
        output.tell(reason, f"{result.name} failed:", "red")
    if draw is not None and result.committed is not None:
        if result.committed.summary is not None:
            title = f"{result.name} on committed and on fresh questions"
            output.show(beside_table(title, result.committed.summary, result.summary))
        say_memorised(result.name, result.memorisation, result.drawn_for, draw.seed)


def _json(result: TestResult) -> dict[str, Any]:
    from istar.protocol.scoring import comparison_json

    tasks = () if result.summary is None else result.summary.tasks
    more: dict[str, Any] = {}
    if result.committed is not None:
        found = result.memorisation
        more = {
            "memorised": None if found is None else found.memorised,
            "memorisation": None if found is None else found.to_json(),
            "drawn_for_this_source": result.drawn_for,
            "committed": _json(result.committed),
        }
    return {
        "method": result.name,
        "method_hash": result.method,
        "failures": dict(result.failures),
        "reward": result.reward,
        "tasks": [{"task": task.name, **comparison_json(task)} for task in tasks],
        "summary": None if result.summary is None else comparison_json(result.summary.overall),
        **more,
    }
