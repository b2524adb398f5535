"""How results of `istar use anomalies` and `istar use horizon` are shown and drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from istar.cli.app import output, quantity, table
from istar.cli.use_shown import OTHER, WITH, WITHOUT, write_picture

if TYPE_CHECKING:
    from istar.reports.lines import Line
    from istar.uses.anomalies import Anomalies, Graded
    from istar.uses.auroc import Area
    from istar.uses.horizon import Transfer

THIRD, FOURTH = "#2a9d5c", "#b0443c"
BELIEVED = 0.05
"""A corrected p-value below this is marked."""


def show_anomalies(found: Anomalies) -> None:
    """Print the area of every score of every set of features, and who was compared."""
    columns = ("features", "score", ">AUROC", ">corrected p", ">less black box", ">FLOPs")
    shown = table(f"Sandbagging or random failure, by {found.method} on {found.target}", *columns)
    for each in found.tests:
        area = each.area
        above = f"{area.above:+.2f} ({area.above_low:+.2f} to {area.above_high:+.2f})"
        figures = (_interval(area), f"{area.corrected:.3f}{_mark(each)}", above, quantity(each.flops))
        shown.add_row(each.features, each.score, *figures)
    output.show(shown)
    output.tell(
        f"intervals are at 95% each, over relations, organisms and words; {len(found.tests)} scores are tested at "
        "once, so p-values against 0.5 are corrected (Holm); * higher where held back, ! the wrong way round"
    )
    compared = table("Compared", "relation", "holds back", "cannot", ">words", ">fitted on", "black box by")
    for pair in found.comparisons:
        words = f"{pair.words[0]} and {pair.words[1]}"
        compared.add_row(
            *(pair.relation, pair.sandbagger, pair.incapable, words, str(pair.honest), pair.statistic),
        )
    output.show(compared)
    if not found.learned:
        output.tell(f"{found.method} learns nothing of a target, so its untrained I* is the same")
    output.tell(
        f"{found.size} features a row; interpret: {quantity(found.interpret_flops)} FLOPs (not charged); to know which "
        f"words are failures, and of which kind: {quantity(found.truth_flops)} (not charged)"
    )


def _interval(area: Area) -> str:
    return f"{area.estimate:.2f} ({area.low:.2f} to {area.high:.2f})"


def _mark(tested: Graded) -> str:
    """Return the mark of a score that tells after correction, by its side of chance."""
    if tested.area.corrected >= BELIEVED:
        return "  "
    return " *" if tested.area.estimate > 1 / 2 else " !"


def draw_anomalies(found: Anomalies, to: Path) -> None:
    """Draw the areas with their intervals, a panel a score."""
    from istar.reports.lines import Line, Panel, chart

    sets = list(dict.fromkeys(each.features for each in found.tests))
    colours = dict(zip(sets, (WITH, WITHOUT, THIRD, FOURTH, OTHER), strict=True))
    black_box = found.tests[-1]
    panels = []
    for way in dict.fromkeys(each.score for each in found.tests[:-1]):
        lines = []
        for place, each in enumerate([*(each for each in found.tests if each.score == way), black_box]):
            x, area = (place - 0.3, place + 0.3), each.area
            lines.append(Line(colours[each.features], x, [area.estimate] * 2, [area.low] * 2, [area.high] * 2))
        last = len(lines) - 0.5
        lines.append(Line(WITHOUT, (-0.5, last), (0.5, 0.5), dashed=True))
        lines.append(Line("none", (-0.5, last), (0.0, 1.0)))  # so that every panel shows all areas there can be
        panels.append(Panel(way, "features", "AUROC", lines, {}))
    key = {colour: name for name, colour in colours.items()}
    title = f"Sandbagging or random failure on {found.target}: AUROC with 95% intervals (dashes: chance)"
    write_picture(to, chart(title, key, panels))


def show_horizon(found: Transfer) -> None:
    """Print what is saved and detected at each length, and where that ends."""
    columns = (">tokens", ">times fewer FLOPs", ">heard", ">AUROC", ">by the values", ">FLOPs", ">of the values")
    title = f"{found.method} on {found.target}, learned at {found.lengths[0].length} tokens of {found.texts}"
    shown = table(title, *columns)
    for each in found.lengths:
        estimate, low, high = each.multiplier
        spent = [quantity(flops) for flops in (each.detection.flops, each.detection.brute_flops)]
        shown.add_row(
            *(str(each.length), f"{estimate:.2f} ({low:.2f} to {high:.2f})", f"{each.heard} of {each.answers}"),
            *(_interval(each.detection.method), _interval(each.detection.brute_force), *spent),
        )
    output.show(shown)
    for what, ends, nothing in (
        ("saving", found.saving_ends, "1, nothing saved"),
        ("detection", found.detection_ends, "0.5, chance"),
    ):
        output.tell(f"{what}: {_ending(ends, found.lengths[0].length, nothing)}")
    output.tell(
        f"intervals are at 95% each; the detector explains {found.explained:.0%} of the variance of labels on contexts "
        f"left out, where it learned, for {quantity(found.learning_flops)} FLOPs; interpret: "
        f"{quantity(found.interpret_flops)} (not charged)"
    )


def _ending(ends: int | None, first: int, nothing: str) -> str:
    """Return in words where transfer ends."""
    if ends is None:
        return f"no interval reaches {nothing}: it transfers to all lengths that were measured"
    if ends == first:
        return f"the interval holds {nothing}, at {first} tokens already: there is nothing that could transfer"
    return f"transfer ends at {ends} tokens, {ends // first} times as many: there the interval first holds {nothing}"


def draw_horizon(found: Transfer, to: Path) -> None:
    """Draw multiplier and area against length, with their intervals."""
    from istar.reports.lines import Line, Panel, chart

    x = [math.log2(each.length / found.lengths[0].length) for each in found.lengths]
    ticks = {place: str(each.length) for place, each in zip(x, found.lengths, strict=True)}
    flat = [Line(WITHOUT, (x[0], x[-1]), (height, height), dashed=True) for height in (1.0, 0.5)]
    saved = [_line(WITH, x, [each.multiplier for each in found.lengths]), flat[0]]
    saved.append(Line("none", (x[0], x[-1]), (0.5, 2.0)))  # so that no panel is flat
    told = [
        _line(colour, x, [(area.estimate, area.low, area.high) for area in areas])
        for colour, areas in (
            (OTHER, [each.detection.brute_force for each in found.lengths]),
            (WITH, [each.detection.method for each in found.lengths]),
        )
    ]
    told += [flat[1], Line("none", (x[0], x[-1]), (0.0, 1.0))]
    panels = []
    for title, label, lines, ends in (
        ("times fewer FLOPs for skill 0.8", "compute multiplier", saved, found.saving_ends),
        ("far evidence told", "AUROC", told, found.detection_ends),
    ):
        marks = {} if ends is None else {math.log2(ends / found.lengths[0].length): "ends"}
        panels.append(Panel(title, "tokens of a context", label, lines, ticks, marks=marks))
    key = {WITH: f"with {found.method}", OTHER: "the values themselves", WITHOUT: "nothing saved; chance"}
    write_picture(to, chart(f"Learned at {found.lengths[0].length} tokens, on {found.target}", key, panels))


def _line(colour: str, x: Sequence[float], figures: Sequence[tuple[float, float, float]]) -> Line:
    """Return a line of estimates with the band of their intervals."""
    from istar.reports.lines import Line

    estimates, low, high = zip(*figures, strict=True)
    return Line(colour, x, estimates, low, high)
