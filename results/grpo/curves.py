"""Draws what researchers were rewarded with as they learned: `curves.svg`, from the curves that are done beside it.

python results/grpo/curves.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from istar.reports.lines import Line, Panel, chart

COLOURS = {"grpo": "#c2410c", "untrained": "#7b8794", "policy": "#0f766e", "random": "#6d28d9"}
PARTS = 20


def main() -> None:
    """Draw whatever curves are done."""
    here = Path(__file__).parent
    panels = []
    for seed in range(3):
        lines = []
        for name, colour in COLOURS.items():
            path = here / f"{name}-{seed}.json"
            if path.exists():
                parts = np.array_split(np.array(json.loads(path.read_text())["rewards"]), PARTS)
                ends = np.cumsum([len(part) for part in parts])
                lines.append(Line(colour, ends.tolist(), [float(part.mean()) for part in parts]))
        if lines:
            last = round(max(line.x[-1] for line in lines))
            ticks = {float(x): str(x) for x in range(0, last + 1, last // 4)}
            panels.append(Panel(f"seed {seed}", "rollouts", "mean training reward of a twentieth", lines, ticks))
    key = {colour: name for name, colour in COLOURS.items()}
    (here / "curves.svg").write_text(chart("Sentences of the grammar, and what they are rewarded with", key, panels))


if __name__ == "__main__":
    main()
