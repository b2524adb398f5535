"""How long a forecast takes: in this process, with the comparison to the document's, and as a whole command.

python benchmarks/forecast.py [--draws 1000000] [--times 7] [--output FILE]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from istar.forecast import PRESETS, forecast, moves
from machine import describe_machine

INPUTS, DOCUMENT = PRESETS["metr-2026"].inputs, PRESETS["document"].inputs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10**6)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "forecast.json")
    arguments = parser.parse_args()
    command = [sys.executable, "-m", "istar", "forecast", "--preset", "metr-2026", "--draws", str(arguments.draws)]
    tasks = {
        "the distribution and its sensitivities": lambda: forecast(INPUTS, arguments.draws),
        "what moved it from the document's": lambda: moves(DOCUMENT, INPUTS, arguments.draws),
        "`istar forecast --preset metr-2026`, all of it": lambda: subprocess.run(
            command, check=True, capture_output=True
        ),
    }
    result = {
        "machine": describe_machine(),
        "draws": arguments.draws,
        "times": arguments.times,
        "measured": {name: measured(task, arguments.times) for name, task in tasks.items()},
    }
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 0


def measured(task: Callable[[], object], times: int) -> dict[str, object]:
    """Return wall-clock and processor seconds of a task; the first run does not count."""
    seconds, processor = [], []
    for _ in range(times + 1):
        began, before = time.perf_counter(), processor_seconds()
        task()
        seconds.append(time.perf_counter() - began)
        processor.append(processor_seconds() - before)
    return {
        "seconds": {
            "median": round(statistics.median(seconds[1:]), 3),
            "least": round(min(seconds[1:]), 3),
            "most": round(max(seconds[1:]), 3),
        },
        "processor_seconds": round(statistics.median(processor[1:]), 3),
    }


def processor_seconds() -> float:
    """Return user and system time of this process and of those it has waited for."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    sys.exit(main())
