"""The figures of a report, as plotly specifications (plain JSON; the page draws them).

Colours of text and grid are left to the page, which knows whether it is light or dark. The two arms have the same two
colours in every figure, told apart by lightness too, so that they survive greyscale and colour blindness.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

from istar.ledger import EvaluationRecord, RoundRecord
from istar.ledger.schema import Stage
from istar.reports.findings import Band, Champion, Findings, TaskCurves
from istar.reports.words import flops, interval, multiplier
from istar.rewards import LEVELS, Comparison

BLACK_BOX, WHITE_BOX = "#7b8794", "#e8710a"
LEVEL_COLOURS = {0.5: "#f6b26b", 0.8: "#e8710a", 0.9: "#9c4a00"}
SPLIT_NAMES = {"train": "training", "validation": "validation", "test": "sealed test"}
ENTROPY_COLOUR = "#5b6abf"
STATUS_COLOURS = {"ok": WHITE_BOX, "pruned": "#b8a9c9", "rejected": "#c0504d", "error": "#c0504d"}

KIND_COLOURS = ("#e8710a", "#5b6abf", "#2a9d8f", "#b0357a", "#8a8f00", "#6b7280")

RUNNING_MEAN_ROUNDS = 10

Figure = dict[str, Any]


def _figure(data: list[Figure], height: int, **layout: Any) -> Figure:
    base = {
        "height": height,
        "margin": {"l": 60, "r": 20, "t": 30, "b": 50},
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0.0},
    }
    return {"data": data, "layout": base | layout}


def _rgba(colour: str, alpha: float) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def forest(summaries: Mapping[Stage, Any]) -> Figure:
    """Return multipliers with their intervals, a row a family and a marker a level of skill."""
    rows: list[tuple[str, Comparison]] = [
        (f"{family.name}<br><i>{SPLIT_NAMES[stage]}</i>", family)
        for stage in ("test", "validation", "train")
        if stage in summaries
        for family in summaries[stage].families
    ]
    traces = []
    for position, level in enumerate(LEVELS):
        found = [family.multipliers[level] for _, family in rows]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"skill {level:g}",
                "x": [each.estimate for each in found],
                "y": [len(rows) - 1 - row + 0.22 - 0.22 * position for row in range(len(rows))],
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [each.high - each.estimate for each in found],
                    "arrayminus": [each.estimate - each.low for each in found],
                    "thickness": 2,
                    "width": 0,
                },
                "marker": {
                    "size": 11,
                    "color": LEVEL_COLOURS[level],
                    "symbol": [_bound_symbol(each.bound) for each in found],
                    "line": {"width": 2, "color": LEVEL_COLOURS[level]},
                },
                "text": [f"{multiplier(each)} ({interval(each)})" for each in found],
                "hovertemplate": "%{text}<extra>" + f"skill {level:g}</extra>",
            }
        )
    ends = [1.0, *(end for trace in traces for end in _ends(trace))]
    low, high = min(ends) / 1.25, max(ends) * 1.15
    ticks = [2.0**power for power in range(-10, 11) if low <= 2.0**power <= high]
    return _figure(
        traces,
        110 + 74 * len(rows),
        margin={"l": 170, "r": 20, "t": 40, "b": 50},
        xaxis={
            "type": "log",
            "title": {"text": "compute multiplier"},
            "range": [math.log10(low), math.log10(high)],
            "tickvals": ticks,
            "ticktext": [f"{tick:g}×" if tick >= 1 else f"1/{1 / tick:g}×" for tick in ticks],
        },
        yaxis={
            "tickvals": [len(rows) - 1 - row for row in range(len(rows))],
            "ticktext": [label for label, _ in rows],
            "range": [-0.6, len(rows) - 0.4],
            "zeroline": False,
        },
        shapes=[
            {"type": "line", "x0": 1, "x1": 1, "yref": "paper", "y0": 0, "y1": 1, "line": {"dash": "dot", "width": 1.5}}
        ],
    )


def _bound_symbol(bound: str) -> str:
    return {
        "exact": "circle",
        "at_least": "triangle-right-open",
        "at_most": "triangle-left-open",
        "unknown": "circle-open",
    }[bound]


def _ends(trace: Figure) -> list[float]:
    return [
        end
        for x, up, down in zip(trace["x"], trace["error_x"]["array"], trace["error_x"]["arrayminus"], strict=True)
        for end in (x - down, x + up)
    ]


def budget_ticks(first: float) -> dict[float, str]:
    """Return every second octave of brute force from a first budget on, a share of it, and what to write there."""
    octaves = int(1e-3 - math.log2(first)) // 2 * 2
    return {2.0**-octave: f"1/{2**octave}" if octave else "1" for octave in range(octaves, -1, -2)}


def efficiency(curves: TaskCurves) -> Figure:
    """Return the efficiency curves of both arms on one task."""
    traces = [
        *_arm("black box", BLACK_BOX, curves.budgets, curves.black),
        *_arm("white box", WHITE_BOX, curves.budgets, curves.white),
    ]
    lowest = min(0.0, *curves.black.low, *curves.white.low)
    ticks = budget_ticks(curves.budgets[0])
    return _figure(
        traces,
        300,
        margin={"l": 50, "r": 12, "t": 28, "b": 46},
        xaxis={
            "type": "log",
            "title": {"text": "FLOPs as a share of brute force"},
            "tickvals": list(ticks),
            "ticktext": list(ticks.values()),
            "range": [math.log10(min(curves.budgets)) - 0.04, 0.04],
        },
        yaxis={"title": {"text": "skill"}, "range": [lowest - 0.05, 1.05], "zeroline": True},
    )


def _arm(name: str, colour: str, budgets: Sequence[float], band: Band) -> list[Figure]:
    outline = {
        "type": "scatter",
        "mode": "lines",
        "x": [*budgets, *reversed(budgets)],
        "y": _short([*band.high, *reversed(band.low)]),
        "fill": "toself",
        "fillcolor": _rgba(colour, 0.18),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": list(budgets),
        "y": _short(band.mean),
        "line": {"color": colour, "width": 2.5},
        "hovertemplate": "skill %{y:.2f} at %{x:.3g} of brute force<extra>" + name + "</extra>",
    }
    stop = {
        "type": "scatter",
        "mode": "markers",
        "x": [band.stop_share],
        "y": _short([band.stop_skill]),
        "marker": {"color": colour, "size": 11, "symbol": "diamond", "line": {"width": 1.5, "color": "#ffffff"}},
        "hovertemplate": f"{name}: stops by itself at " + "%{x:.3g}, skill %{y:.2f}<extra></extra>",
        "showlegend": False,
    }
    return [outline, line, stop]


def rounds(findings: Findings) -> Figure:
    """Return the reward of every round, the best so far, and the lineage of I*."""
    champion = findings.champion
    told = [each for each in findings.rounds if each.reward is not None]
    statuses = [status for status in STATUS_COLOURS if any(each.status == status for each in told)]
    traces = [_status_trace(findings, status, [each for each in told if each.status == status]) for status in statuses]
    shown = [each for each in findings.rounds if each.best_reward is not None]
    if shown:
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": "best so far, on validation",
                "x": [each.iteration for each in shown],
                "y": _short([each.best_reward or 0.0 for each in shown]),
                "line": {"shape": "hv", "color": "#2a9d8f", "width": 2.5},
                "hovertemplate": "validation reward %{y:.3f}<extra></extra>",
            }
        )
    if champion is not None and len(champion.lineage) > 1:
        rewards = {each.iteration: each.reward for each in told}
        line = [iteration for iteration in champion.lineage if rewards.get(iteration) is not None]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": "lineage of I*",
                "x": line,
                "y": [rewards[iteration] for iteration in line],
                "line": {"color": WHITE_BOX, "width": 1.5, "dash": "dot"},
                "hoverinfo": "skip",
            }
        )
    return _figure(
        traces,
        380,
        xaxis={"title": {"text": "round"}, "range": [-0.5, max(len(findings.rounds) - 0.5, 0.5)], "zeroline": False},
        yaxis={"title": {"text": f"reward ({html.escape(findings.run.config.reward)})"}},
    )


def progress(runs: Mapping[str, Sequence[Sequence[float | None]]], reward: str) -> Figure:
    """Return the best reward so far after every round: for each kind of run a line, the mean, and a band, the range.

    Args:
        runs: by kind, for each of its runs the best reward so far after every round, None before the first.
        reward: name of the formula.
    """
    traces = []
    for kind, colour in zip(runs, cycle(KIND_COLOURS), strict=False):
        rounds = range(max(map(len, runs[kind]), default=0))
        # a run that has ended keeps what it found; before its first method it has found nothing
        held = [[_held(each, at) for each in runs[kind]] for at in rounds]
        outline = [*map(max, held), *reversed([min(each) for each in held])]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [*rounds, *reversed(rounds)],
                "y": _short(outline),
                "fill": "toself",
                "fillcolor": _rgba(colour, 0.15),
                "line": {"width": 0, "shape": "hv"},
                "hoverinfo": "skip",
                "showlegend": False,
            }
        )
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"{html.escape(kind)} ({len(runs[kind])})",
                "x": list(rounds),
                "y": _short([sum(each) / len(each) for each in held]),
                "line": {"shape": "hv", "color": colour, "width": 2.5},
                "hovertemplate": "round %{x}: %{y:.3f}<extra>" + html.escape(kind) + "</extra>",
            }
        )
    return _figure(
        traces,
        380,
        xaxis={"title": {"text": "round"}, "zeroline": False},
        yaxis={"title": {"text": f"best training reward ({html.escape(reward)})"}},
    )


def _held(progress: Sequence[float | None], at: int) -> float:
    return (progress[min(at, len(progress) - 1)] if progress else None) or 0.0


def learning(entropies: Mapping[int, float], rounds: Sequence[RoundRecord]) -> Figure:
    """Return how sure the researcher was in every round, above, and the running mean of what it was told, below.

    Args:
        entropies: the entropy of the researcher's policy as a share of the greatest possible, by iteration.
        rounds: the outcomes of the iterations.
    """
    told = [each for each in rounds if each.reward is not None]
    rewards = [each.reward or 0.0 for each in told]
    windows = [rewards[max(0, last + 1 - RUNNING_MEAN_ROUNDS) : last + 1] for last in range(len(rewards))]
    return _figure(
        [
            {
                "type": "scatter",
                "mode": "lines",
                "name": "entropy of the policy",
                "x": list(entropies),
                "y": _short(list(entropies.values())),
                "line": {"color": ENTROPY_COLOUR, "width": 2.5},
                "hovertemplate": "round %{x}: %{y:.2f} of the greatest entropy<extra></extra>",
            },
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"mean reward of the last {RUNNING_MEAN_ROUNDS} rounds",
                "x": [each.iteration for each in told],
                "y": _short([sum(window) / len(window) for window in windows]),
                "yaxis": "y2",
                "line": {"color": WHITE_BOX, "width": 2.5},
                "hovertemplate": "up to round %{x}: mean reward %{y:.3f}<extra></extra>",
            },
        ],
        420,
        xaxis={
            "title": {"text": "round"},
            "range": [-0.5, max(len(rounds) - 0.5, 0.5)],
            "zeroline": False,
            "anchor": "y2",
        },
        yaxis={"title": {"text": "entropy"}, "range": [0, 1.05], "domain": [0.56, 1], "zeroline": False},
        yaxis2={"title": {"text": "mean reward"}, "domain": [0, 0.46]},
    )


def _status_trace(findings: Findings, status: str, told: Sequence[RoundRecord]) -> Figure:
    champion = findings.champion
    best = -1 if champion is None else champion.proposal.iteration
    return {
        "type": "scatter",
        "mode": "markers",
        "name": {"ok": "trained", "pruned": "stopped early"}.get(status, status),
        "x": [each.iteration for each in told],
        "y": _short([each.reward or 0.0 for each in told]),
        "error_y": {"type": "data", "array": _short([each.standard_error or 0.0 for each in told]), "width": 0},
        "text": [html.escape(findings.proposals[each.iteration].name) for each in told],
        "marker": {
            "color": STATUS_COLOURS[status],
            "size": [15 if each.iteration == best else 9 for each in told],
            "symbol": ["star" if each.iteration == best else "circle" for each in told],
        },
        "hovertemplate": "round %{x}: %{text}<br>reward %{y:.3f}<extra>" + html.escape(status) + "</extra>",
    }


def spending(champion: Champion, what: str, most: int = 12) -> Figure:
    """Return bars of the FLOPs of I* by operation or region, the greatest first."""
    total = champion.flops_by(what)
    shown = dict(list(total.items())[:most])
    if rest := sum(total.values()) - sum(shown.values()):
        shown["all others"] = rest
    labels = [html.escape(name.removeprefix("aten.") or "outside any region") for name in shown]
    whole = max(sum(total.values()), 1)
    return _figure(
        [
            {
                "type": "bar",
                "orientation": "h",
                "x": [100 * value / whole for value in shown.values()],
                "y": labels,
                "text": [f" {100 * value / whole:.3g}% · {flops(value)}" for value in shown.values()],
                "textposition": "outside",
                "cliponaxis": False,
                "marker": {"color": WHITE_BOX},
                "hovertemplate": "%{y}: %{text}<extra></extra>",
            }
        ],
        90 + 30 * len(shown),
        margin={"l": 210, "r": 150, "t": 10, "b": 40},
        xaxis={"ticksuffix": "%", "range": [0, 100]},
        yaxis={"autorange": "reversed", "type": "category"},
        showlegend=False,
    )


def clock(evaluations: Sequence[EvaluationRecord]) -> Figure:
    """Return processor time against metered FLOPs, a point an evaluation."""
    timed = [each for each in evaluations if each.spending.cpu_seconds > 0 and each.spending.flops > 0]
    return _figure(
        [
            {
                "type": "scatter",
                "mode": "markers",
                "x": [each.spending.flops for each in timed],
                "y": [float(f"{each.spending.cpu_seconds:.4g}") for each in timed],
                "text": [
                    f"{html.escape(each.task)}, question {each.question_index}{_explained(each)}" for each in timed
                ],
                "marker": {"color": WHITE_BOX, "size": 7, "opacity": 0.7},
                "hovertemplate": "%{text}<br>%{x:.3g} FLOP in %{y:.3g} s<extra></extra>",
            }
        ],
        320,
        margin={"l": 60, "r": 20, "t": 10, "b": 50},
        xaxis={"type": "log", "title": {"text": "metered FLOPs"}, "exponentformat": "power"},
        yaxis={"type": "log", "title": {"text": "processor seconds"}},
        showlegend=False,
    )


def _explained(evaluation: EvaluationRecord) -> str:
    share = evaluation.spending.explained_share
    return "" if share is None else f"<br>{max(0.0, share):.0%} of the time explained by metered FLOPs"


def _short(values: Sequence[float]) -> list[float]:
    """Return numbers with as many digits as a screen shows."""
    return [0.0 if value == 0 or not math.isfinite(value) else float(f"{value:.5g}") for value in values]
