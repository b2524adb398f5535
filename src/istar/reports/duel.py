"""The page of a duel: who won, the matrix of best responses, exploitability over rounds, detection curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from istar.reports.lines import Line, Panel, chart
from istar.texts import visible

COLOURS = ("#e8710a", "#5b6abf", "#1b8a5a", "#b3446c", "#8a6d1b", "#4a7ba6", "#7b5ea7", "#a65d4a")
WITHOUT = "#7b8794"
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: #1d2430; }
table { border-collapse: collapse; font-size: 13px; } td, th { padding: 3px 8px; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; } tr.forfeit { color: #9a4a2a; }
figure { margin: 1em 0; overflow-x: auto; }
@media (prefers-color-scheme: dark) { body { background: #14181d; color: #e6e9ee; } }
"""


def exploitability_picture(outcome: Mapping[str, Any]) -> str:
    """Return how far both players' mixtures are from best responses, round by round, as SVG."""
    panels = []
    for part, title in (("shown", "on what both learn from"), ("held out", "on what neither learns from")):
        game = next(each for each in outcome["games"] if each["moves"] == each["methods"] == part)
        found = game["exploitability"]
        x = [float(number) for number in range(len(found))]
        line = Line(COLOURS[0], x, found)
        panels.append(Panel(title, "rounds fought", "gain of best responses", [line], {at: str(int(at)) for at in x}))
    return chart(
        f"Exploitability, {_players(outcome)}", {COLOURS[0]: f"in units of the reward {outcome['reward']}"}, panels
    )


def detection_picture(outcome: Mapping[str, Any], most: int = 6) -> str:
    """Return the ROC curves of the methods that tell moves from decoys best, and of no method, as SVG.

    Args:
        outcome: what came of the duel.
        most: of how many methods at most.
    """
    found = outcome["detection"]
    scored: dict[str, list[float]] = {}
    for each in found:
        scored.setdefault(each["method"], []).append(each["auroc"]["value"])
    names = sorted((name for name in scored if name), key=lambda name: -sum(scored[name]) / len(scored[name]))[:most]
    colours = {"": WITHOUT} | dict(zip(names, COLOURS, strict=False))
    panels = []
    for part in ("shown", "held out"):
        lines = [
            Line(
                colours[each["method"]],
                each["false_positive_rate"],
                each["true_positive_rate"],
                dashed=not each["method"],
            )
            for each in found
            if each["moves"] == part and each["method"] in colours
        ]
        if lines:
            ticks = {0.0: "0", 0.5: "0.5", 1.0: "1"}
            panels.append(Panel(f"{part} kinds of moves", "false positives", "true positives", lines, ticks))
    key = {colour: name or "rows alone" for name, colour in colours.items()}
    return chart("Telling moves from decoys", key, panels) if panels else ""


def page(outcome: Mapping[str, Any]) -> str:
    """Return the page of a duel; it needs nothing but itself."""
    title = f"A duel on {outcome['target']}: {_players(outcome)}"
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title><style>{STYLE}</style></head><body>',
        f"<h1>{_text(title)}</h1>",
        f"<p><strong>{_text(outcome['verdict'])}</strong></p>",
        f"<figure>{exploitability_picture(outcome)}</figure>",
        "<h2>What each move pays each method</h2>",
        f"<p>Mean reward ({_text(outcome['reward'])}) over the questions about a move; red pays, blue is paid. A move "
        "that misses its claims pays the forfeit to all.</p>",
        _matrix(outcome),
        "<h2>The games</h2>",
        _games(outcome),
        "<h2>Telling moves from decoys</h2>",
        f"<figure>{detection_picture(outcome)}</figure>",
        _detection(outcome),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _players(outcome: Mapping[str, Any]) -> str:
    says = {"policy": "learns", "scripted": "is scripted"}
    return f"red {says[outcome['red']]}, blue {says[outcome['blue']]}, seed {outcome['seed']}"


def _matrix(outcome: Mapping[str, Any]) -> str:
    head = ["move", "part", *(f"{each['name']} ({each['part']})" for each in outcome["methods"]), "missed claims"]
    rows = [
        (
            [each["short"], each["part"], *(f"{paid:+.3f}" for paid in each["paid"]), each["forfeit"]],
            bool(each["forfeit"]),
        )
        for each in outcome["moves"]
    ]
    return _table(head, rows)


def _games(outcome: Mapping[str, Any]) -> str:
    head = ["moves", "methods", "paid", "value", "exploitability", "blue's best", "red's best"]
    rows = []
    for each in outcome["games"]:
        paid = each["paid"]
        figures = (f"{paid['value']:+.3f} ({paid['low']:+.3f} to {paid['high']:+.3f})", f"{each['value']:+.3f}")
        best = (f"{each['exploitability'][-1]:.3f}", each["best_method"], each["best_move"])
        rows.append(([each["moves"], each["methods"], *figures, *best], False))
    return _table(head, rows)


def _detection(outcome: Mapping[str, Any]) -> str:
    head = ["moves", "method", "line-ups", "AUROC", "true positives at 1% false ones"]
    rows = []
    for each in outcome["detection"]:
        intervals = [
            f"{found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f})"
            for found in (each["auroc"], each["true_positives"])
        ]
        rows.append(([each["moves"], each["method"] or "rows alone", str(each["questions"]), *intervals], False))
    return _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[tuple[Sequence[str], bool]]) -> str:
    parts = ["<table><tr>", *(f"<th>{_text(each)}</th>" for each in head), "</tr>"]
    for cells, forfeit in rows:
        parts.append('<tr class="forfeit">' if forfeit else "<tr>")
        parts += [
            f'<td class="{"number" if each[:1] in "+-0123456789" else "word"}">{_text(each)}</td>' for each in cells
        ]
        parts.append("</tr>")
    return "".join([*parts, "</table>"])


def _text(text: str) -> str:
    return escape(visible(text))
