"""The picture of a forecast: the distribution over years, and how far each input moves the median. SVG, no library.

It follows the reader's light or dark theme, and needs no fonts or scripts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from istar.forecast.model import Forecast

WIDTH, LEFT, RIGHT = 760, 150, 30
"""Of the picture, and what is left for labels beside the panels."""
TOP, HEIGHT = 86, 190
"""Where the distribution begins, and how high it is."""
ROW = 30
"""The height of an input's bar."""
COLOUR, BESIDE = "#e8710a", "#7b8794"
STYLE = """
text { font: 12px system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif; fill: #1d2430; }
.soft { fill: #5b6675; font-size: 11px; } .title { font-size: 15px; font-weight: 600; }
.grid { stroke: #d9d5cd; } .page { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6e9ee; } .soft { fill: #9aa6b5; } .grid { stroke: #3a434f; } .page { fill: #1c2128; }
}
"""


def draw(found: Forecast, name: str, beside: Forecast | None = None, beside_name: str = "") -> str:
    """Return the picture as SVG.

    Args:
        found: the forecast.
        name: what it is called.
        beside: another forecast, drawn as an outline.
        beside_name: what that is called.
    """
    shown = [found] if beside is None else [found, beside]
    ends = [year for each in shown for year in (each.edges[0], each.edges[-1])]
    ends += [year for each in found.sensitivities for year in (each.year_at_low, each.year_at_high)]
    first, last = math.floor(min(ends)), math.ceil(max(ends))
    bars = TOP + HEIGHT + 72
    bottom = bars + ROW * len(found.sensitivities) + 16
    title = f"{name}: {found.median:.1f} (median), {found.low:.1f} to {found.high:.1f} at {found.confidence:.0%}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom}" width="{WIDTH}" height="{bottom}" '
        f'role="img" aria-label="{escape(title, {chr(34): "&quot;"})}">',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{bottom}" rx="10"/>',
        f'<text class="title" x="24" y="28">{escape(title)}</text>',
    ]
    said = []
    if beside is not None:
        said.append(f"outline: {beside_name}, {beside.median:.1f}, {beside.low:.1f} to {beside.high:.1f}")
    if found.reached >= 0.0005:
        said.append(f"not shown: {found.reached:.1%}, long enough at the start")
    parts.append(f'<text class="soft" x="24" y="50">{escape("; ".join(said))}</text>')
    parts += _years(first, last, bottom)
    top = max(_density(each) for each in shown) or 1.0
    for each, colour in zip(shown, (COLOUR, BESIDE), strict=False):
        parts += _curve(each, colour, first, last, top, filled=each is found)
    if found.sensitivities:
        parts.append(
            f'<text class="soft" x="24" y="{bars - 14}">median with one input known to be at an end of its range; '
            "share of the variance it explains alone</text>"
        )
    for row, sensitivity in enumerate(found.sensitivities):
        y = bars + ROW * row
        ends = sorted((_x(sensitivity.year_at_low, first, last), _x(sensitivity.year_at_high, first, last)))
        parts.append(
            f'<rect x="{ends[0]:.1f}" y="{y}" width="{max(ends[1] - ends[0], 1):.1f}" height="18" fill="{COLOUR}" '
            'fill-opacity="0.55"/>'
        )
        label = f"{sensitivity.name} {sensitivity.variance:.0%}"
        parts.append(f'<text x="{LEFT - 10}" y="{y + 13}" text-anchor="end">{escape(label)}</text>')
    middle = _x(found.median, first, last)
    parts.append(
        f'<line x1="{middle:.1f}" x2="{middle:.1f}" y1="{TOP}" y2="{bottom - 10}" stroke="{COLOUR}" stroke-width="2" '
        'stroke-dasharray="4 3"/>'
    )
    return "\n".join([*parts, "</svg>", ""])


def _x(year: float, first: int, last: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (year - first) / (last - first)


def _density(found: Forecast) -> float:
    """Return the greatest probability of a year."""
    return max(found.shares) / (found.edges[1] - found.edges[0])


def _years(first: int, last: int, bottom: float) -> list[str]:
    step = math.ceil((last - first) / 12)
    parts = []
    for year in range(first, last + 1, step):
        x = _x(year, first, last)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom - 10}"/>')
        parts.append(f'<text class="soft" x="{x:.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{year}</text>')
    return parts


def _curve(found: Forecast, colour: str, first: int, last: int, top: float, *, filled: bool) -> list[str]:
    width = found.edges[1] - found.edges[0]

    def points(pairs: Sequence[tuple[float, float]]) -> str:
        return " ".join(
            f"{_x(year, first, last):.1f},{TOP + HEIGHT * (1 - share / width / top):.1f}" for year, share in pairs
        )

    steps = [
        (edge, share)
        for share, *edges in zip(found.shares, found.edges, found.edges[1:], strict=False)
        for edge in edges
    ]
    parts = []
    if filled:
        within = [(year, share) for year, share in steps if found.low <= year <= found.high]
        if within:
            outline = [(within[0][0], 0.0), *within, (within[-1][0], 0.0)]
            parts.append(f'<polygon points="{points(outline)}" fill="{colour}" fill-opacity="0.25"/>')
    parts.append(f'<polyline points="{points(steps)}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return parts
