"""How results of `istar use` are shown and drawn."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from istar.cli.app import notes, output, print_json, quantity, table
from istar.cli.console import styled

if TYPE_CHECKING:
    from istar.uses.bad_contexts import BadContexts
    from istar.uses.pressure import Pool
    from istar.uses.resample import Resampled
    from istar.uses.task import ArmAnswer, TaskUse

WITH, WITHOUT, OTHER = "#e8710a", "#7b8794", "#5b6abf"


class _Result(Protocol):
    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""


Found = TypeVar("Found", bound=_Result)


def give(
    found: Found,
    show: Callable[[Found], None],
    draw: Callable[[Found, Path], None],
    to: Path | None,
    *,
    as_json: bool,
) -> None:
    """Give the result of a command: as a picture where one is asked for, and as JSON or for people.

    Args:
        found: the result.
        show: prints it for people.
        draw: draws it to a file.
        to: that file; None for no picture.
        as_json: whether it is printed as JSON.
    """
    if to is not None:
        draw(found, to)
    if as_json:
        print_json(found.to_json())
    else:
        show(found)


def show_task(found: TaskUse) -> None:
    """Print the answers of both arms, and how many times fewer FLOPs."""
    from istar.cli.multipliers import summary_table

    columns = ("question", "arm", ">skill", ">FLOPs", ">of brute force", "answer")
    shown = table(f"Answers on {found.target}", *columns)
    for each in found.answers:
        question = f"{each.task} {each.index}"
        arms: list[tuple[str, ArmAnswer]] = [(f"with {found.method}", each.with_method), ("without", each.without)]
        for arm, answer in arms:
            share = f"{100 * answer.flops / each.brute_flops:.1f} %"
            figures = (f"{answer.skill:.3f}", quantity(answer.flops), share, _outputs(answer.answer))
            shown.add_row(question, arm, *figures)
        shown.add_row(question, "brute force", "1.000", quantity(each.brute_flops), "100 %", _outputs(each.truth))
    output.show(shown)
    output.show(summary_table(f"{found.method} on {found.target}: how many times fewer FLOPs", found.summary))
    output.tell(f"interpret: {quantity(found.interpret.flops)} FLOPs (not charged)")
    output.tell(
        f"channels were bought in {found.heard} of {len(found.interp)} answers; in the others both arms are the same"
    )
    for name, count in found.silent.items():
        if count:
            output.tell(f"it had nothing to say on {count} questions of {name}")
    for reason in found.failures.values():
        output.tell(reason, "failed, and left out above:", "red")


def _outputs(answer: tuple[float, ...], most: int = 6) -> str:
    more = f" … ({len(answer)})" if len(answer) > most else ""
    return " ".join(f"{each:.3g}" for each in answer[:most]) + more


def draw_task(found: TaskUse, to: Path) -> None:
    """Draw skill against FLOPs, a panel a task."""
    from istar.reports.lines import Line, Panel, chart
    from istar.uses.task import skills

    panels = []
    for each in found.summary.tasks:
        lines = []
        for colour, curves in ((WITHOUT, found.baseline), (WITH, found.interp)):
            band = skills([curve for curve in curves if curve.task == each.name])
            x = [math.log2(share) for share in band["share"]]
            low, high = (
                [
                    skill + sign * 1.96 * error
                    for skill, error in zip(band["skill"], band["standard_error"], strict=True)
                ]
                for sign in (-1, 1)
            )
            lines.append(Line(colour, x, band["skill"], low, high))
        first = int(min(line.x[0] for line in lines) // 2 * 2)
        ticks = {float(power): f"1/{2**-power}" if power else "1" for power in range(first, 1, 2)}
        ticks = {x: text for x, text in ticks.items() if x >= lines[0].x[0]}
        panels.append(Panel(each.name, "FLOPs, as a share of brute force", "skill", lines, ticks))
    key = {WITH: f"with {found.method}", WITHOUT: "without"}
    write_picture(to, chart(f"{found.method} on {found.target}: skill against FLOPs", key, panels))


def show_pressure(found: BadContexts) -> None:
    """Print what both judges say of the best of n, and which contexts the rule chooses."""
    from istar.uses.pressure import kl_of_best

    columns = (">candidates", ">KL", f">{found.judges[0]}", f">{found.judges[1]}", ">FLOPs", ">by the judge")
    shown = table(f"The best of n by {found.method} on {found.target}", *columns)
    pool = found.by_reading
    for place, n in enumerate(pool.pressures.tolist()):
        scores = [
            f"{curve.mean[place]:+.2f} ({curve.low[place]:+.2f} to {curve.high[place]:+.2f})"
            for curve in pool.curves.values()
        ]
        spent = [quantity(each) for each in found.flops_at(n)]
        shown.add_row(str(n), f"{kl_of_best(n):.2f}", *scores, *spent)
    output.show(shown)
    output.tell(f"the reading explains {found.explained:.0%} of the variance of {found.judges[0]} on contexts left out")
    for way, each in ((f"by {found.method}", found.by_reading), (f"by {found.judges[0]} itself", found.by_judge)):
        output.tell(f"chosen {way}: {_parting(each)}")
    chosen = table(
        f"Chosen, each the best of {2**pool.parting.stop}", "context", *(f">{name}" for name in found.judges)
    )
    for context in found.chosen:
        chosen.add_row(context.context, f"{context.shown:+.2f}", f"{context.held_out:+.2f}")
    output.show(chosen)
    output.tell("a judge can be gamed: no reward takes its score, and this command makes none")


def _parting(pool: Pool) -> str:
    """Return in words where the judges part, and where to stop."""
    found = pool.parting
    between = f"n = {2**found.log2} (95% interval {2**found.low} to {2**found.high})"
    if not found.seen:
        return (
            f"the judges do not part within the pool; the held-out one is highest at {between}; stop at n = "
            f"{2**found.stop}"
        )
    return f"the judges part at {between}: from there on the held-out one falls; stop at n = {2**found.stop}"


def draw_pressure(found: BadContexts, to: Path) -> None:
    """Draw both judges' scores against pressure, with the parting and the stop."""
    from istar.reports.lines import Line, Panel, chart

    colours = {WITH: f"{found.judges[0]} (shown)", OTHER: f"{found.judges[1]} (held out)"}
    panels = []
    for title, pool in ((f"chosen by {found.method}", found.by_reading), ("chosen by the judge", found.by_judge)):
        x = [float(place) for place in range(len(pool.pressures))]
        lines = [
            Line(colour, x, curve.mean, curve.low, curve.high)
            for colour, curve in zip(colours, pool.curves.values(), strict=True)
        ]
        ticks = {place: f"{2 ** int(place)}" for place in x[::2]}
        parting = pool.parting
        marks = {float(parting.stop): "stop"} | ({float(parting.log2): "part"} if parting.seen else {})
        bands = [(float(parting.low), float(parting.high))]
        panels.append(
            Panel(title, "candidates, of which the best is taken", "judge's score", lines, ticks, bands, marks)
        )
    write_picture(to, chart(f"Optimisation pressure on {found.target}", colours, panels))


def show_policies(found: Resampled) -> None:
    """Print how good each M' is, and what is drawn from the method's."""
    divergence = "KL(M || M')" if found.direction == "forward" else "KL(M' || M)"
    columns = (f">{divergence}", ">H(M')", f">+ {found.beta:g} H", ">reward missed", ">rewards run", ">FLOPs")
    shown = table(f"M' on {found.target}, means over {len(found.draws)} prompts, in nats", "found by", *columns)
    for party, each in found.parties.items():
        missed = f"{each.reward:.4f} ({each.reward_low:.4f} to {each.reward_high:.4f})"
        figures = (f"{each.kl:.4f}", f"{each.entropy:.3f}", f"{each.objective:.4f}", missed)
        shown.add_row(party, *figures, str(each.rows), quantity(each.flops))
    output.show(shown)
    output.tell(
        f"the method explains {found.explained:.0%} of the variance of rewards within prompts; the listed outputs hold "
        f"at least {found.covered:.0%} of M's probability; {found.certified:.0%} of the exact minima are shown to be "
        "global"
    )
    drawn = table(
        "Drawn from the method's M'", "prompt", "outputs", ">KL", ">H before", ">H", ">reward before", ">reward"
    )
    for each_draw in found.draws:
        figures_of_draw = (each_draw.kl, each_draw.entropy_before, each_draw.entropy)
        rewards = (each_draw.reward_before, each_draw.reward)
        drawn.add_row(
            each_draw.prompt,
            " ".join(map(repr, each_draw.outputs)),
            *(f"{number:.3f}" for number in figures_of_draw + rewards),
        )
    output.show(drawn)


def draw_policies(found: Resampled, to: Path) -> None:
    """Draw entropy and reward of M and of M' on each prompt."""
    from istar.reports.lines import Line, Panel, chart

    colours = {WITHOUT: "M", OTHER: "M'"}
    place = [float(number) for number in range(len(found.draws))]
    ticks = {number: str(int(number) + 1) for number in place[::2]}
    entropy = Panel(
        *("entropy", "prompt", "nats"),
        [
            Line(WITHOUT, place, [each.entropy_before for each in found.draws]),
            Line(OTHER, place, [each.entropy for each in found.draws]),
        ],
        ticks,
    )
    reward = Panel(
        *(f"reward: log-probability of {found.goal!r}", "prompt", "nats"),
        [
            Line(WITHOUT, place, [each.reward_before for each in found.draws]),
            Line(OTHER, place, [each.reward for each in found.draws], dashed=True),
        ],
        ticks,
    )
    write_picture(to, chart(f"Resampling on {found.target} with {found.method}", colours, [entropy, reward]))


def write_picture(to: Path, picture: str) -> None:
    """Write a picture, and say where."""
    from istar.files import write_whole

    write_whole(to, picture.encode())
    notes.print(styled(f"drawn to {to}", "green"))
