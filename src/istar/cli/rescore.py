"""`istar rescore`: another reward formula on what a run stored."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from istar.cli.app import app, output, print_json, table
from istar.cli.options import DEFAULT_RUNS, AsJson, RunName, RunsFolder


@app.command
def rescore(
    run: RunName,
    *,
    reward: Annotated[str, Parameter(help="Reward formula: log, linear, samples or power.")],
    runs: RunsFolder = DEFAULT_RUNS,
    as_json: AsJson = False,
) -> None:
    """Recompute the training reward of every method of a run under another formula, from stored curves alone.

    Example: istar rescore first --reward linear
    """
    from istar.protocol.rescore import rescore as recompute
    from istar.protocol.run_folder import find_run
    from istar.rewards.formulas import REWARDS

    formula = REWARDS.get(reward)
    folder = find_run(run, runs)
    with folder.ledger(read_only=True) as ledger:
        rescored = recompute(ledger, folder.name, formula)
    if as_json:
        print_json(
            {
                "run": folder.name,
                "reward": reward,
                "formula": formula.formula,
                "methods": [e.to_json() for e in rescored],
            }
        )
        return
    shown = table(f"{folder.name} under {reward}: {formula.formula}", ">round", "method", ">then", f">{reward}", ">SE")
    for each in rescored:
        shown.add_row(
            str(each.iteration),
            each.name,
            "-" if each.before is None else f"{each.before:+.3f}",
            f"{each.reward:+.3f}",
            "-" if each.standard_error is None else f"{each.standard_error:.3f}",
        )
    output.print(shown)
