"""The picture of a verdict: odds beside priors, and where each measure lies among its bins. SVG, no library.

It follows the reader's light or dark theme, and needs no fonts or scripts.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

import numpy as np

from istar.scenarios.evidence import Evidence
from istar.scenarios.gather import Judged
from istar.scenarios.rule import ASPECTS, MEASURES, SCENARIOS, Measure, likelihoods

WIDTH, LEFT, BAR = 860, 300, 480
"""Of the picture, what is left for labels, and of what is drawn beside them."""
TOP, ROW, STRIP = 84, 30, 46
"""Where bars begin, and the heights of a scenario's row and of a measure's."""
COLOURS = {1: "#1a7f5a", 2: "#e8710a", 3: "#5b6abf", 4: "#b0468a", 5: "#7b8794"}
STYLE = """
text { font: 12px system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif; fill: #1d2430; }
.soft { fill: #5b6675; font-size: 11px; } .title { font-size: 15px; font-weight: 600; } .grid { stroke: #d9d5cd; }
.mark { stroke: #1d2430; } .page { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6e9ee; } .soft { fill: #9aa6b5; } .grid { stroke: #3a434f; } .mark { stroke: #e6e9ee; }
  .page { fill: #1c2128; }
}
"""


def draw(found: Judged) -> str:
    """Return the picture as SVG."""
    verdict = found.verdict
    title = f"{found.subject.name} of {found.subject.run}: scenario {verdict.scenario}, {SCENARIOS[verdict.scenario]}"
    strips = TOP + ROW * len(SCENARIOS) + 56
    height = strips + STRIP * len(MEASURES) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(title, {chr(34): "&quot;"})}">',
        f'<style>{STYLE}</style><rect class="page" width="{WIDTH}" height="{height}" rx="10"/>',
        f'<text class="title" x="24" y="28">{escape(title)}</text>',
        f'<text class="soft" x="{LEFT}" y="{TOP - 16}">odds given the evidence; the line is the prior</text>',
    ]
    for place, (number, name) in enumerate(SCENARIOS.items()):
        y = TOP + ROW * place
        odds, prior = verdict.odds[number], LEFT + BAR * verdict.priors[number]
        parts += [
            f'<text x="{LEFT - 10}" y="{y + 14}" text-anchor="end">{number} {escape(name)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{BAR * odds:.1f}" height="20" fill="{COLOURS[number]}"/>',
            f'<line class="mark" x1="{prior:.1f}" x2="{prior:.1f}" y1="{y - 2}" y2="{y + 22}" stroke-width="2"/>',
            f'<text class="soft" x="{LEFT + BAR * max(odds, verdict.priors[number]) + 8:.1f}" y="{y + 14}">'
            f"{odds:.0%}</text>",
        ]
    parts.append(
        f'<text class="soft" x="{LEFT}" y="{strips - 14}">each measure among its bins, each of these in the '
        "colour of the scenario that it speaks for most</text>"
    )
    table = likelihoods()
    for place, name in enumerate(each for names in ASPECTS.values() for each in names):
        parts += _strip(MEASURES[name], found.evidence[name], table.of(name), strips + STRIP * place)
    return "\n".join([*parts, "</svg>", ""])


def _strip(measure: Measure, evidence: Evidence, probabilities: np.ndarray, y: int) -> list[str]:
    """Return one measure's row: its bins, its value and its interval."""
    edges = measure.edges
    first, last = edges[0] - (edges[-1] - edges[0]) / 3, edges[-1] + (edges[-1] - edges[0]) / 3
    across = BAR / (last - first)

    def at(value: float) -> float:
        return LEFT + across * (min(max(value, first), last) - first)

    lines = _wrapped(measure.about)
    parts = [
        f'<text x="{LEFT - 10}" y="{y + 10 + 14 * row}" text-anchor="end">{escape(line)}</text>'
        for row, line in enumerate(lines)
    ]
    for (low, high), column in zip(measure.bins, probabilities.T, strict=True):
        best = int(column.argmax())
        strength = 0.1 + 0.6 * (1 - np.exp(-max(0.0, float(column[best] / column.mean()) - 1)))
        x = at(low)
        parts.append(
            f'<rect x="{x:.1f}" y="{y}" width="{at(high) - x:.1f}" height="16" fill="{list(COLOURS.values())[best]}" '
            f'fill-opacity="{strength:.2f}"/>'
        )
    parts += [
        f'<text class="soft" x="{at(edge):.1f}" y="{y + 29}" text-anchor="middle">{edge:g}</text>' for edge in edges
    ]
    if evidence.value is None:
        parts.append(f'<text class="soft" x="{LEFT + BAR + 8}" y="{y + 12}">none</text>')
        return parts
    low, high = evidence.interval or (evidence.value, evidence.value)
    shown = f"{evidence.value:.2f}" if np.isfinite(evidence.value) else "never"
    return [
        *parts,
        f'<line class="mark" x1="{at(low):.1f}" x2="{at(high):.1f}" y1="{y + 8}" y2="{y + 8}" stroke-width="2"/>',
        f'<circle class="mark" cx="{at(evidence.value):.1f}" cy="{y + 8}" r="5" fill="#ffffff" stroke-width="2"/>',
        f'<text class="soft" x="{LEFT + BAR + 8}" y="{y + 12}">{shown}</text>',
    ]


def _wrapped(text: str, most: int = 42) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) + 1 > most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
