"""Writes the tables of the README and of the documentation from committed results.

    python docs/write_tables.py tasks results/audit.json README.md
    python docs/write_tables.py library results/library docs/methods.md
    python docs/write_tables.py runs results/smollm2-135m results/smollm2-135m/README.md
    python docs/write_tables.py study results/smollm2-135m results/smollm2-135m/README.md

A table stands between two comments, and nothing else of the file is touched.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from istar.audit import audit_from_json
from istar.reports.audit import task_table
from istar.reports.scores import library_table, read_scores


def _tasks(audit: Path) -> str:
    return task_table(audit_from_json(json.loads(audit.read_text(encoding="utf-8"))))


def _library(folder: Path) -> str:
    return library_table(read_scores(sorted(folder.glob("scores-*.json"))))


LEVEL = "0.8"


def _study(folder: Path) -> str:
    """Return what I* and the methods beside it save on every task of the sealed test, and what could be saved."""
    first, *others = json.loads((folder / "test.json").read_text(encoding="utf-8"))["methods"]
    audit = audit_from_json(json.loads((folder.parent / "audit.json").read_text(encoding="utf-8")))
    bounds = {each.summary.name: each.room.bound for each in audit.tasks}
    lines = ["| task | the audit's bound | I* | best other method | and its multiplier |", "|---|---|---|---|---|"]
    for task in first["tasks"]:
        name = task["task"]
        beside = {each["method"]: _multiplier(each, name) for each in others}
        best = max((each for each in beside if beside[each]), key=lambda each: beside[each]["estimate"])
        saving = beside[best]["estimate"] > 1
        lines.append(
            f"| `{name}` | {bounds[name]:.3g} | {_interval(_multiplier(first, name))} | "
            f"{f'`{best}`' if saving else 'none saves'} | {_interval(beside[best]) if saving else ''} |"
        )
    return "\n".join(lines)


def _runs(folder: Path) -> str:
    """Return what each search of the study found: its best method in training, and I* at every stage."""
    lines = [
        "| run | researcher | seed | methods | best in training | reward | round | I* | train | validation | test |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for run in json.loads((folder / "comparison.json").read_text(encoding="utf-8"))["runs"]:
        kind = f"{run['researcher']}, shuffled rewards" if run["shuffled"] else run["researcher"]
        best, leader = run["best"], run["leader"]
        rose = 1 + run["progress"].index(run["progress"][-1]) if leader else None
        rewards = [best["rewards"].get(stage) if best else None for stage in ("train", "validation", "test")]
        lines.append(
            f"| `{run['run']}` | {kind} | {run['seed']} | {run['methods']} | "
            f"{_method(leader)} | {_reward(leader and leader['rewards']['train'])} | {rose or ''} | {_method(best)} | "
            f"{' | '.join(map(_reward, rewards))} |"
        )
    return "\n".join(lines)


def _method(judged: dict[str, Any] | None) -> str:
    return "none" if judged is None else f"`{judged['name']}`"


def _reward(reward: dict[str, float] | None) -> str:
    return "" if reward is None else f"{reward['reward']:+.3f}".replace("-0.000", "+0.000")


def _multiplier(method: dict[str, Any], task: str) -> dict[str, Any] | None:
    return next((each["multipliers"][LEVEL] for each in method["tasks"] if each["task"] == task), None)


def _interval(multiplier: dict[str, Any] | None) -> str:
    if multiplier is None:
        return "failed"
    if multiplier["low"] == multiplier["high"]:
        return f"{multiplier['estimate']:.3g}"
    return f"{multiplier['estimate']:.3g} ({multiplier['low']:.3g} to {multiplier['high']:.3g})"


TABLES: dict[str, Callable[[Path], str]] = {"tasks": _tasks, "library": _library, "runs": _runs, "study": _study}


def main(name: str, results: str, document: str) -> None:
    """Replace what stands between the comments of a table by the table that results make."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    path = Path(document)
    text = path.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1:
        sys.exit(f"{document} must hold {begin} and {end} once each; the table goes between them")
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    path.write_text(f"{before}{begin}\n{TABLES[name](Path(results))}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in TABLES:
        sys.exit("usage: python docs/write_tables.py tasks|library|runs|study RESULTS DOCUMENT")
    main(*sys.argv[1:])
