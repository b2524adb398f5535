"""`istar unseal`: open the sealed test of a run."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from istar.cli.app import GOES_ON, command, output, print_json, when_interrupted
from istar.cli.options import DEFAULT_RUNS, AsJson, RunName, RunsFolder


@command(
    "istar unseal first",
    "istar unseal first --beside my_method.py attention_gates runs/control",
    "istar unseal first --parts",
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
    runs: RunsFolder = DEFAULT_RUNS,
    as_json: AsJson = False,
) -> None:
    """Evaluate the best method of a finished search on the test families, which nobody has seen before.

    The opening is recorded in the run's ledger; the report shows how often the test was opened.
    """
    from istar.cli.methods import method_files
    from istar.cli.multipliers import summary_table
    from istar.cli.progress import ticker
    from istar.protocol.run_folder import find_run
    from istar.protocol.stages import check_tasks
    from istar.protocol.unseal import best_of, unseal
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
        questions = sum(len(tables) for tables in setup.tables("test").values())
        bar.say("opening the test", questions * (1 + len(others)))
        results = unseal(
            setup,
            ledger,
            folder.name,
            others=others,
            on_question=lambda name, table: bar.step(f"testing {name} on {table.question.task}"),
        )
    if as_json:
        print_json({"run": folder.name, "methods": [_json(result) for result in results]})
        return
    for result in results:
        if result.summary is not None:
            output.show(summary_table(f"{result.name} on the test families", result.summary))
            output.print(f"reward: {result.reward:+.3f}\n")
        for reason in result.failures.values():
            output.tell(reason, f"{result.name} failed:", "red")


def _json(result: Any) -> dict[str, Any]:
    from istar.protocol.scoring import comparison_json

    tasks = () if result.summary is None else result.summary.tasks
    return {
        "method": result.name,
        "method_hash": result.method,
        "failures": dict(result.failures),
        "reward": result.reward,
        "tasks": [{"task": task.name, **comparison_json(task)} for task in tasks],
        "summary": None if result.summary is None else comparison_json(result.summary.overall),
    }
