"""`istar rescore`: another reward formula, or another rulebook, on what a run stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from istar.cli.app import command, notes, output, print_json, table
from istar.cli.options import DEFAULT_RUNS, AsJson, RunName, RunsFolder
from istar.cli.rulebook import named_rulebook

if TYPE_CHECKING:
    from istar.protocol.rescore import RepricedRun, Rescored


@command(
    "istar rescore first --reward linear",
    "istar rescore first --reward mdl",
    "istar rescore first --rulebook v2-products",
    "istar rulebook > mine.json; istar rescore first --rulebook mine.json",
)
def rescore(
    run: RunName,
    *,
    reward: Annotated[str | None, Parameter(help="Reward formula: log, linear, samples, power or mdl.")] = None,
    rulebook: Annotated[
        str | None, Parameter(help="Prices of operations: a version or a JSON file; see `istar rulebook`.")
    ] = None,
    runs: RunsFolder = DEFAULT_RUNS,
    as_json: AsJson = False,
) -> None:
    """Recompute the training reward of every method of a run from what is stored; nothing is run again.

    Under another rulebook everything that was bought stays, at what it would have cost.
    """
    from istar.protocol.rescore import RepricedRun
    from istar.protocol.rescore import rescore as recompute
    from istar.protocol.run_folder import find_run
    from istar.rewards.formulas import REWARDS

    folder = find_run(run, runs)
    prices = None if rulebook is None else named_rulebook(rulebook)
    with folder.ledger(read_only=True) as ledger:
        name = ledger.run(folder.name).config.reward if reward is None else reward
        formula = REWARDS.get(name)
        repricing = None if prices is None else RepricedRun(ledger, folder.name, prices)
        rescored = recompute(ledger, folder.name, formula, repricing)
    version = None if prices is None else prices.version
    if as_json:
        print_json(
            {
                "run": folder.name,
                "reward": name,
                "formula": formula.formula,
                "rulebook": version,
                "row_prices": None if repricing is None else repricing.factors,
                "assumed": None if repricing is None else sorted(repricing.repricing.assumed),
                "methods": [e.to_json() for e in rescored],
            }
        )
        return
    _show(f"{folder.name} under {name}: {formula.formula}", name if version is None else f"{name}, {version}", rescored)
    if repricing is not None:
        _tell(repricing)


def _show(title: str, heading: str, rescored: tuple[Rescored, ...]) -> None:
    parts = list(rescored[0].parts) if rescored else []
    shown = table(title, ">round", "method", ">then", f">{heading}", ">SE", *(f">{name}" for name in parts))
    for each in rescored:
        shown.add_row(
            str(each.iteration),
            each.name,
            "-" if each.before is None else f"{each.before:+.3f}",
            f"{each.reward:+.3f}",
            "-" if each.standard_error is None else f"{each.standard_error:.3f}",
            *("-" if value is None else f"{value:,.0f}" for value in each.parts.values()),
        )
    output.print(shown)


def _tell(repricing: RepricedRun) -> None:
    factors = (f"{part} {low:.4g} to {high:.4g}" for part, (low, high) in repricing.factors.items())
    notes.tell(
        f"Prices of rows change by a factor of: {'; '.join(factors)}. All rows of a question are taken to change as "
        "its brute force does."
    )
    if assumed := sorted(repricing.repricing.assumed):
        notes.tell(
            "Prices of these operations are converted as if they had worked on floating-point numbers that the older "
            f"rulebook saw in full, which no histogram tells: {', '.join(assumed)}."
        )
