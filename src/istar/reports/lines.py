"""Line charts as SVG: they follow the reader's light or dark theme and need no fonts or scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

import numpy as np

WIDTH, HEIGHT, LEFT, GAP, TOP = 360, 200, 66, 30, 92
TICKS = 4
STYLE = """
text { font: 12px system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif; fill: #1d2430; }
.soft { fill: #5b6675; font-size: 11px; } .title { font-size: 15px; font-weight: 600; } .panel { font-weight: 600; }
.grid { stroke: #d9d5cd; stroke-width: 1; } .page { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6e9ee; } .soft { fill: #9aa6b5; } .grid { stroke: #3a434f; } .page { fill: #1c2128; }
}
"""


@dataclass(frozen=True)
class Line:
    """One line of a panel.

    Attributes:
        colour: its colour; lines of one colour are the same thing in every panel.
        x: where its points are.
        y: how high.
        low: the lower edge of its band; empty for none.
        high: the upper edge.
        dashed: whether it is drawn in dashes.
    """

    colour: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """One chart.

    Attributes:
        title: what it is about.
        x_label: what runs to the right.
        y_label: what runs upwards.
        lines: the lines.
        ticks: places below the chart, and what to write there.
        bands: stretches from one place to another that are shaded, such as intervals.
        marks: places at which a dotted line stands, and what to write at it.
    """

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    ticks: Mapping[float, str]
    bands: Sequence[tuple[float, float]] = ()
    marks: Mapping[float, str] = field(default_factory=dict)


def chart(title: str, key: Mapping[str, str], panels: Sequence[Panel]) -> str:
    """Return panels side by side as one picture.

    Args:
        title: the line above them.
        key: what each colour is, by colour.
        panels: the panels, at least one.
    """
    width, height = len(panels) * (WIDTH + LEFT) + GAP, TOP + HEIGHT + 50
    quoted = escape(title, {'"': "&quot;"})
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{quoted}">',
        f'<style>{STYLE}</style><rect class="page" width="{width}" height="{height}" rx="10"/>',
        f'<text class="title" x="24" y="26">{escape(title)}</text>',
    ]
    x = 24.0
    for colour, label in key.items():
        parts.append(f'<line x1="{x}" x2="{x + 22}" y1="46" y2="46" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<text x="{x + 28}" y="50">{escape(label)}</text>')
        x += 50 + 6.6 * len(label)
    for number, panel in enumerate(panels):
        parts += _drawn(panel, LEFT + number * (WIDTH + LEFT))
    return "\n".join([*parts, "</svg>", ""])


def _drawn(panel: Panel, left: float) -> list[str]:
    xs = [x for line in panel.lines for x in line.x]
    ys = [y for line in panel.lines for y in (*line.y, *line.low, *line.high)]
    first, last, lowest, highest = min(xs), max(xs), min(ys), max(ys)
    across, up = (last - first) or 1.0, (highest - lowest) or 1.0

    def at(x: float) -> float:
        return left + WIDTH * (x - first) / across

    def height(y: float) -> float:
        return TOP + HEIGHT * (1 - (y - lowest) / up)

    def points(pairs: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{at(x):.1f},{height(y):.1f}" for x, y in pairs)

    parts = [f'<text class="panel" x="{left}" y="{TOP - 12}">{escape(panel.title)}</text>']
    for y in np.linspace(lowest, highest, TICKS):
        parts.append(f'<line class="grid" x1="{left}" x2="{left + WIDTH}" y1="{height(y):.1f}" y2="{height(y):.1f}"/>')
        parts.append(f'<text class="soft" x="{left - 6}" y="{height(y) + 4:.1f}" text-anchor="end">{y:.3g}</text>')
    for start, end in panel.bands:
        begin, stop = at(start) - 2, at(end) + 2
        parts.append(
            f'<rect x="{begin:.1f}" y="{TOP}" width="{stop - begin:.1f}" height="{HEIGHT}" fill="#7b8794" '
            'fill-opacity="0.2"/>'
        )
    for x, text in panel.ticks.items():
        parts.append(
            f'<text class="soft" x="{at(x):.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{escape(text)}</text>'
        )
    below, middle = TOP + HEIGHT + 36, TOP + HEIGHT / 2
    parts.append(
        f'<text class="soft" x="{left + WIDTH / 2}" y="{below}" text-anchor="middle">{escape(panel.x_label)}</text>'
    )
    parts.append(
        f'<text class="soft" x="{left - 46}" y="{middle}" text-anchor="middle" '
        f'transform="rotate(-90 {left - 46} {middle})">{escape(panel.y_label)}</text>'
    )
    for line in panel.lines:
        if line.low:
            edge = [*zip(line.x, line.high, strict=True), *reversed(list(zip(line.x, line.low, strict=True)))]
            parts.append(f'<polygon points="{points(edge)}" fill="{line.colour}" fill-opacity="0.18"/>')
        dashes = ' stroke-dasharray="5 4"' if line.dashed else ""
        parts.append(
            f'<polyline points="{points(list(zip(line.x, line.y, strict=True)))}" fill="none" stroke="{line.colour}" '
            f'stroke-width="2.5"{dashes}/>'
        )
    for x, text in panel.marks.items():
        parts.append(
            f'<line x1="{at(x):.1f}" x2="{at(x):.1f}" y1="{TOP}" y2="{TOP + HEIGHT}" stroke="#7b8794" '
            'stroke-dasharray="2 3"/>'
        )
        parts.append(f'<text class="soft" x="{at(x) + 4:.1f}" y="{TOP + 12}">{escape(text)}</text>')
    return parts
