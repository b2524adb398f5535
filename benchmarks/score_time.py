"""How long `istar score` takes for the same questions, beside another version of the source.

    python benchmarks/score_time.py OTHER [--task TASK] [--questions 4] [--times 1] [--output FILE]

OTHER is the root of another checkout, such as `git worktree add ../before REVISION`; both are run by this Python, one
after the other, in fresh data folders that hold nothing but the converted target. The figures of both must be the same
to the last digit; what is compared of them is all that `--json` prints but for seconds and shares of processor time.
Without tasks, every training task is asked. Seconds are of the clock, so nothing else should run meanwhile; the load
before each run is noted, and the processor time, jails included, which other work lengthens less. Last, a first look
is timed: the same command without tasks and questions.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import describe_machine
from start_time import HERE, home, revision

METHOD = HERE / "examples" / "my_method.py"
MEASURED = ("seconds", "processor_seconds", "load_before")
NEW = ("asked", "left_out", "complete")
"""What the JSON of an older version lacks."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path, help="root of the other checkout")
    parser.add_argument("--method", default=str(METHOD))
    parser.add_argument("--target", default="smollm2-135m")
    parser.add_argument("--task", action="append", default=[], help="may be repeated")
    parser.add_argument("--questions", type=int, default=4)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "score_time.json")
    arguments = parser.parse_args()
    roots = {"before": arguments.other.resolve(), "now": HERE}
    options = [arguments.method, "--target", arguments.target, "--questions", str(arguments.questions), "--json"]
    options += [word for task in arguments.task for word in ("--task", task)]
    runs: list[dict[str, Any]] = []
    for _ in range(arguments.times):
        pair = {name: scored(root, options) for name, root in roots.items()}
        same = figures(pair["before"]["score"]) == figures(pair["now"]["score"])
        runs.append({name: {key: each[key] for key in MEASURED} for name, each in pair.items()})
        runs[-1]["same_figures"] = same
        print(json.dumps(runs[-1]), file=sys.stderr)
    result = {
        "machine": describe_machine(),
        "before": revision(roots["before"]),
        "tasks": arguments.task or "every training task",
        "questions": arguments.questions,
        "runs": runs,
        "first_look": first_look([arguments.method, "--target", arguments.target, "--json"]),
        **{f"share_of_{name}": share(runs, name) for name in ("seconds", "processor_seconds")},
    }
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 0 if all(each["same_figures"] for each in runs) else 1


def share(runs: list[dict[str, Any]], name: str) -> float:
    """Return the median over runs of what is taken now as a share of what was taken before."""
    return round(statistics.median(each["now"][name] / each["before"][name] for each in runs), 2)


def first_look(options: list[str]) -> dict[str, Any]:
    """Return how long a first look takes in a fresh data folder, and how many questions of which tasks it asks."""
    found = scored(HERE, options)
    return {key: found[key] for key in MEASURED} | {"asked": found["score"]["asked"]}


def scored(root: Path, options: list[str]) -> dict[str, Any]:
    """Return the score of a source in a fresh data folder, the seconds it took and the load before."""
    with tempfile.TemporaryDirectory() as scratch:
        environment = os.environ | {"PYTHONPATH": str(root / "src"), "ISTAR_HOME": str(home(Path(scratch) / "home"))}
        load, started = os.getloadavg()[0], time.monotonic()
        command = [sys.executable, "-m", "istar", "score", *options]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {
            "seconds": round(time.monotonic() - started, 1),
            "processor_seconds": round(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, 1),
            "load_before": round(load, 2),
            "score": json.loads(found.stdout),
        }


def figures(score: dict[str, Any]) -> str:
    """Return what a score says but for times."""
    kept = {name: value for name, value in score.items() if name not in NEW}
    kept["interpret"] = {name: value for name, value in score["interpret"].items() if name != "seconds"}
    kept["tasks"] = [
        {name: value for name, value in task.items() if name != "explained_cpu_share"} for task in score["tasks"]
    ]
    return json.dumps(kept, sort_keys=True)


if __name__ == "__main__":
    sys.exit(main())
