"""`istar forecast`: when research like this one could be automated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from istar.cli.app import command, output, print_json, table
from istar.cli.options import AsJson, SeedNumber

if TYPE_CHECKING:
    from collections.abc import Mapping

    from istar.forecast import Forecast, Inputs, Move

DOCUMENT = "document"


@command(
    "istar forecast",
    "istar forecast --preset metr-2026 --picture forecast.svg",
    "istar forecast --needed-hours 160..2000 --success-rate 0.8",
    "istar forecast my_inputs.toml --draws 1000000 --json",
)
def forecast(
    inputs: Annotated[Path | None, Parameter(help="A TOML file of inputs, and perhaps the preset they change.")] = None,
    /,
    *,
    preset: Annotated[
        str | None, Parameter(help="Named inputs: document (the default) or metr-2026; what is stated changes them.")
    ] = None,
    needed_hours: Annotated[
        str | None, Parameter(help="Hours that a person needs for what is to be automated, LOW..HIGH or a number.")
    ] = None,
    doubling_days: Annotated[
        str | None, Parameter(help="Days in which the horizon of models doubles, LOW..HIGH or a number.")
    ] = None,
    start_date: Annotated[str | None, Parameter(help="When a model of the start's horizon was there.")] = None,
    start_hours: Annotated[
        str | None, Parameter(help="That horizon in hours, at a success rate of 0.5; LOW..HIGH or a number.")
    ] = None,
    success_rate: Annotated[float | None, Parameter(help="The share of attempts that must succeed.")] = None,
    serial_share: Annotated[
        str | None,
        Parameter(help="The share of the hours in the longest serial part, the rest being parallel; 1 for all."),
    ] = None,
    draws: Annotated[int, Parameter(help="How many times the inputs are drawn.")] = 100_000,
    seed: SeedNumber = 0,
    picture: Annotated[Path | None, Parameter(help="Write the picture to this SVG file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Forecast when AI could do interpretability research on its own, by the document's timeline.

    The length of tasks that models complete doubles at some pace; the forecast is when it is as long as research takes.
    Uncertain inputs are drawn at random. Shown are the median year, the 66% interval, what each input does to them, and
    which inputs move the median away from the document's.
    """
    from istar.files import check_destination, write_whole
    from istar.forecast import PRESETS, draw, forecast, moves

    flags = {
        "needed_hours": needed_hours,
        "doubling_days": doubling_days,
        "start_date": start_date,
        "start_hours": start_hours,
        "success_rate": success_rate,
        "serial_share": serial_share,
    }
    name, chosen = _chosen(inputs, preset, {flag: value for flag, value in flags.items() if value is not None})
    if picture is not None:
        check_destination(picture)
    found = forecast(chosen, draws, seed)
    document = PRESETS[DOCUMENT].inputs
    beside = None if chosen == document else forecast(document, draws, seed)
    moved = () if beside is None else moves(document, chosen, draws, seed)
    if picture is not None:
        write_whole(picture, draw(found, name, beside, DOCUMENT).encode())
    if as_json:
        print_json(
            {
                "name": name,
                **found.to_json(),
                "document": None
                if beside is None
                else {each: getattr(beside, each) for each in ("low", "median", "high")},
                "moves": {each.name: each.years for each in moved},
                "sources": list(PRESETS[name].sources) if name in PRESETS else [],
            }
        )
        return
    _print(name, found, beside, moved)
    if picture is not None:
        output.tell(f"the picture is in {picture}")


def _chosen(path: Path | None, preset: str | None, flags: Mapping[str, Any]) -> tuple[str, Inputs]:
    """Return the inputs and what they are called: the preset's name where nothing of it is changed.

    Raises:
        ForecastError: an input is unknown or out of range, or two presets are stated.
    """
    from istar.forecast import PRESETS, ForecastError, forecast_inputs, read_inputs

    stated = {} if path is None else read_inputs(path)
    named = stated.pop("preset", None)
    if named is not None and preset is not None:
        raise ForecastError(f"{path} changes the preset {named!r}; leave out --preset, or that line")
    base = preset or named or DOCUMENT
    if path is not None:  # so that a fault of the file is said to be one
        forecast_inputs(stated, str(path), base)
    chosen = forecast_inputs({**stated, **flags}, "the options", base)
    same = chosen == PRESETS[base].inputs
    return base if same else f"{base} with {'options' if path is None else path.name}", chosen


def _print(name: str, found: Forecast, beside: Forecast | None, moved: tuple[Move, ...]) -> None:
    from istar.forecast import PRESETS
    from istar.forecast.model import DRAWN, day_of

    chance = f"{found.confidence:.0%}"
    shown = table(f"When, by {name}", "", ">median", f">{chance} from", ">to")
    for title, each in ((name, found), (DOCUMENT, beside)):
        if each is not None:
            shown.add_row(title, *(_year(year, day_of(year)) for year in (each.median, each.low, each.high)))
    output.print(shown)
    if found.reached >= 0.0005:
        output.tell(f"in {found.reached:.1%} of {found.draws} draws the horizon was long enough at the start")
    effects = table(
        "What the inputs do", "input", ">value", ">of the variance", ">median at its lower end", ">at its upper end"
    )
    for of in found.sensitivities:
        medians = (f"{of.year_at_low:.1f}", f"{of.year_at_high:.1f}")
        effects.add_row(of.name, str(getattr(found.inputs, of.name)), f"{of.variance:.0%}", *medians)
    for certain in (*DRAWN, "start_date", "success_rate"):
        if certain not in {of.name for of in found.sensitivities}:
            effects.add_row(certain, str(getattr(found.inputs, certain)), "", "", "")
    output.print(effects)
    if beside is not None:
        words = ", ".join(f"{move.name} {move.years:+.2f} years" for move in moved)
        output.tell(f"the median moves by {found.median - beside.median:+.2f} years from the document's: {words}")
    for source in PRESETS[name].sources if name in PRESETS else ():
        output.tell(source, "source:")


def _year(year: float, day: str | None) -> str:
    return f"{year:.2f}" if day is None else f"{year:.1f} ({day[:7]})"
