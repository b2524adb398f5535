"""`istar scenario`: which of the document's five scenarios a run's method is nearest to."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from istar.cli.app import command, output, print_json, table
from istar.cli.options import DEFAULT_RUNS, AsJson, RunName, RunsFolder, Unsafe

if TYPE_CHECKING:
    from istar.scenarios.evidence import Evidence
    from istar.scenarios.gather import Judged
    from istar.scenarios.rule import Change


@command(
    "istar scenario first",
    "istar scenario first --record --to scenario.svg",
    "istar scenario first --method gates1 --priors 1,1,1,1,1 --json",
)
def scenario(
    run: RunName,
    *,
    method: Annotated[
        str | None,
        Parameter(help="A method that the run asked: its name, the start of its hash, one of the library, a file."),
    ] = None,
    priors: Annotated[
        str | None, Parameter(help="Weights of scenarios 1 to 5; the document's, 5,35,25,15,20, unless stated.")
    ] = None,
    record: Annotated[
        bool,
        Parameter(
            negative="",
            help="Run what is not stored: students beside the method, its ablations, what it says of organisms.",
        ),
    ] = False,
    questions: Annotated[int, Parameter(help="Of each task that --record runs.")] = 3,
    runs: RunsFolder = DEFAULT_RUNS,
    unsafe: Unsafe = False,
    to: Annotated[Path | None, Parameter(name="--to", help="Draw the result to this file, an SVG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Tell from measured evidence which of the document's five scenarios a method is nearest to.

    Full decompilation, a decomposition that recovers much, a bag of task-specific heads, a functional optimiser, or
    something else. Each kind of evidence has a likelihood ratio, counted on planted methods that are each scenario by
    construction; what could not be measured has the ratio 1, and is named with what to do. Shown too is what would
    change the verdict. Nothing is run unless `--record` is given.
    """
    from istar.cli.progress import ticker
    from istar.files import check_destination, write_whole
    from istar.protocol.run_folder import find_run
    from istar.scenarios.gather import scenario_of
    from istar.scenarios.picture import draw
    from istar.scenarios.rule import PRIORS, check_priors, likelihoods, numbers

    weights = PRIORS if priors is None else numbers(priors)
    check_priors(weights)
    likelihoods()
    if to is not None:
        check_destination(to)
    folder = find_run(run, runs)
    with ticker("reading the ledger", None) as bar:
        found = scenario_of(
            folder,
            method=method,
            priors=weights,
            run_what_is_missing=record,
            unsafe=unsafe,
            questions=questions,
            say=bar.say,
        )
    if to is not None:
        write_whole(to, draw(found).encode())
    if as_json:
        print_json(found.to_json())
        return
    _show(found)
    if to is not None:
        output.tell(f"the picture is in {to}")


def _show(found: Judged) -> None:
    from istar.scenarios.rule import ASPECTS, MEASURES, SCENARIOS

    verdict, ratios = found.verdict, [f">{number}" for number in SCENARIOS]
    shown = table(
        f"Evidence on {found.subject.name} of {found.subject.run}, and its likelihood ratio for each scenario",
        *("aspect", "measured", ">value", ">95% interval", *ratios),
    )
    for aspect, names in ASPECTS.items():
        for place, name in enumerate(names):
            each, row = found.evidence[name], verdict.measures.get(name)
            cells = ["1"] * len(SCENARIOS) if row is None else [f"{ratio:.2g}" for ratio in row.values()]
            shown.add_row("" if place else aspect, MEASURES[name].about, *_value(each), *cells)
    output.show(shown)
    if (left := found.evidence["explained"].about.get("unexplained_orders")) is not None:
        room, low, high = (
            found.evidence["explained"].about[f"{name}"]
            for name in ("room_orders", "unexplained_low", "unexplained_high")
        )
        about = f"{left:.2f} ({low:.2f} to {high:.2f}) of {room:.2f}"
        output.tell(f"FLOP orders of magnitude left unexplained at skill 0.8: {about}")
    if (shared := found.evidence["sharing"].about.get("components_used_by_several_tasks")) is not None:
        output.tell(f"components of I(M) that several tasks use, of those that any does: {shared:.0%}")
    for name, each in found.evidence.items():
        if each.value is None:
            output.tell(each.missing, f"not measured, and counts for nothing: {name}:", "yellow")
    odds = table("Odds", "scenario", ">prior", ">now")
    for number, title in SCENARIOS.items():
        odds.add_row(f"{number} {title}", f"{verdict.priors[number]:.0%}", f"{verdict.odds[number]:.0%}")
    output.show(odds)
    output.tell(f"the most probable is scenario {verdict.scenario}, {SCENARIOS[verdict.scenario]}")
    for name in MEASURES:
        change = next((each for each in verdict.changes if each.name == name), None)
        if change is not None:
            output.tell(_change(change), "would change it:")
    if not verdict.changes:
        output.tell("no single measure would change it")
    _removed(found)
    for note in found.notes:
        output.tell(note, "note:")


def _removed(found: Judged) -> None:
    if not found.removed:
        return
    shown = table(
        f"What {found.subject.run} would have chosen of its methods, data removed",
        *("family", "from it alone", ">gain there", "from the others", ">gain there"),
    )
    for each in found.removed:
        shown.add_row(each.family, each.alone, f"{each.gain_alone:+.3f}", each.without, f"{each.gain_without:+.3f}")
    output.show(shown)


def _value(each: Evidence) -> tuple[str, str]:
    if each.value is None:
        return "-", ""
    interval = each.interval
    ends = "" if interval is None else f"{_number(interval[0])} to {_number(interval[1])}"
    return _number(each.value), ends


def _number(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "never"


def _change(change: Change) -> str:
    from istar.scenarios.rule import SCENARIOS

    if not math.isfinite(change.low):
        where = f"below {change.high:g}"
    elif not math.isfinite(change.high):
        where = f"from {change.low:g} on"
    else:
        where = f"from {change.low:g} to {change.high:g}"
    if change.by is None:
        by = "which is not known"
    else:
        by = f"a change by {change.by:+.2f}" if math.isfinite(change.by) else "which it is not at all"
    return (
        f"{change.name} {where} ({by}): scenario {change.scenario}, {SCENARIOS[change.scenario]}, at "
        f"{change.probability:.0%}"
    )
