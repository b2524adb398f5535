"""Draws the README's picture: efficiency curves of both arms, from a run's ledger, as an SVG.

    python docs/draw_curves.py runs/demo/ledger.sqlite demo docs/images/curves.svg

The picture follows the reader's light or dark theme and needs no fonts or scripts.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from xml.sax.saxutils import escape

from istar.ledger import Ledger
from istar.reports.figures import BLACK_BOX, SPLIT_NAMES, WHITE_BOX, budget_ticks
from istar.reports.findings import Band, TaskCurves, gather
from istar.reports.words import interval, multiplier

PANEL_WIDTH, PANEL_HEIGHT, MARGIN, COLUMNS = 340, 170, 62, 2
STYLE = """
text { font: 12px system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif; fill: #1d2430; }
.soft { fill: #5b6675; font-size: 11px; } .title { font-size: 15px; font-weight: 600; } .task { font-weight: 600; }
.grid { stroke: #d9d5cd; stroke-width: 1; } .page { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6e9ee; } .soft { fill: #9aa6b5; } .grid { stroke: #3a434f; } .page { fill: #1c2128; }
}
"""


def draw(title: str, panels: list[TaskCurves]) -> str:
    """Return the picture as SVG.

    Args:
        title: the line above the panels.
        panels: the tasks, one panel each.
    """
    columns = min(COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    width = columns * (PANEL_WIDTH + MARGIN) + 24
    height = 66 + rows * (PANEL_HEIGHT + 76)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(title, {chr(34): "&quot;"})}">',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{width}" height="{height}" rx="10"/>',
        f'<text class="title" x="24" y="26">{escape(title)}</text>',
        _key(24, 46, WHITE_BOX, "with the method (white box)"),
        _key(250, 46, BLACK_BOX, "without (black box)"),
    ]
    for number, curves in enumerate(panels):
        left = MARGIN + (number % columns) * (PANEL_WIDTH + MARGIN)
        top = 92 + (number // columns) * (PANEL_HEIGHT + 76)
        parts += _panel(curves, left, top)
    return "\n".join([*parts, "</svg>", ""])


def _key(x: float, y: float, colour: str, label: str) -> str:
    line = f'<line x1="{x}" x2="{x + 22}" y1="{y - 4}" y2="{y - 4}" stroke="{colour}" stroke-width="3"/>'
    return f'{line}<text x="{x + 28}" y="{y}">{escape(label)}</text>'


def _panel(curves: TaskCurves, left: float, top: float) -> list[str]:
    lowest = min(0.0, *curves.black.low, *curves.white.low)
    first = math.log(curves.budgets[0])

    def point(budget: float, skill: float) -> str:
        x = left + PANEL_WIDTH * (1 - math.log(budget) / first)
        return f"{x:.1f},{top + PANEL_HEIGHT * (1 - (skill - lowest) / (1 - lowest)):.1f}"

    parts = [
        f'<text class="task" x="{left}" y="{top - 12}">{escape(curves.task)} '
        f'<tspan class="soft">{SPLIT_NAMES[curves.stage]}</tspan></text>'
    ]
    for skill in (0.0, 0.5, 1.0):
        y = point(1.0, skill).split(",")[1]
        parts.append(f'<line class="grid" x1="{left}" x2="{left + PANEL_WIDTH}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="soft" x="{left - 8}" y="{float(y) + 4:.1f}" text-anchor="end">{skill:g}</text>')
    for share, label in budget_ticks(curves.budgets[0]).items():
        x = point(share, 0.0).split(",")[0]
        y = top + PANEL_HEIGHT + 16
        parts.append(f'<text class="soft" x="{x}" y="{y}" text-anchor="middle">{label}</text>')
    parts.append(
        f'<text class="soft" x="{left + PANEL_WIDTH / 2}" y="{top + PANEL_HEIGHT + 34}" text-anchor="middle">'
        "FLOPs, as a share of brute force</text>"
    )
    middle = top + PANEL_HEIGHT / 2
    parts.append(
        f'<text class="soft" x="{left - 34}" y="{middle}" text-anchor="middle" '
        f'transform="rotate(-90 {left - 34} {middle})">skill</text>'
    )
    arms: tuple[tuple[Band, str], ...] = ((curves.black, BLACK_BOX), (curves.white, WHITE_BOX))
    for band, colour in arms:
        forth = [point(budget, skill) for budget, skill in zip(curves.budgets, band.high, strict=True)]
        back = [point(budget, skill) for budget, skill in zip(curves.budgets, band.low, strict=True)][::-1]
        parts.append(f'<polygon points="{" ".join(forth + back)}" fill="{colour}" fill-opacity="0.18"/>')
        line = " ".join(point(budget, skill) for budget, skill in zip(curves.budgets, band.mean, strict=True))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
    return parts


def main(ledger: str, run: str, out: str) -> None:
    """Draw the best method of a run on every task that it met, held-out ones first."""
    with Ledger(ledger, read_only=True) as opened:
        champion = gather(opened, run).champion
    if champion is None or not champion.summaries:
        sys.exit(f"run {run} has no method with curves to draw")
    stage = next(iter(champion.summaries))
    found = champion.summaries[stage].overall.multipliers[0.8]
    title = (
        f"{champion.proposal.name}, {SPLIT_NAMES[stage]}: {multiplier(found)} fewer FLOPs for a skill of 0.8 "
        f"(95% interval {interval(found)})"
    )
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_text(draw(title, list(champion.curves)), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python docs/draw_curves.py LEDGER RUN OUT.svg")
    main(*sys.argv[1:])
