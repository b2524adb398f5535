"""Processor time that commands take before they do anything, beside another version of the source.

    python benchmarks/start_time.py OTHER [--times 10] [--output FILE]

OTHER is the root of another checkout, such as `git worktree add ../before REVISION`; both are run by this Python, one
after the other, again and again. `istar tasks` runs with a data folder in which it ran before, so that nothing is made
for the first time. User and system time are what is measured: they hardly depend on what else a machine does.
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
from operator import truediv
from pathlib import Path

from machine import describe_machine

HERE = Path(__file__).resolve().parents[1]
COMMANDS = {
    "import istar": ["-c", "import istar"],
    "istar --help": ["-m", "istar", "--help"],
    "istar tasks": ["-m", "istar", "tasks"],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path, help="root of the other checkout")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "start_time.json")
    arguments = parser.parse_args()
    roots = {"before": arguments.other.resolve(), "now": HERE}
    with tempfile.TemporaryDirectory() as scratch:
        homes = {name: home(Path(scratch) / name) for name in roots}
        seconds = {command: measured(options, roots, homes, arguments.times) for command, options in COMMANDS.items()}
    result = {
        "machine": describe_machine(),
        "times": arguments.times,
        "before": revision(roots["before"]),
        "processor_seconds": {
            command: {
                **{name: summary(found) for name, found in each.items()},
                "times_less": round(statistics.median(map(truediv, each["before"], each["now"])), 2),
            }
            for command, each in seconds.items()
        },
    }
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 0


def home(folder: Path) -> Path:
    """Return a data folder with the embedded target as it is converted here, if it is."""
    from istar import paths

    folder.mkdir()
    if (paths.home() / "targets").is_dir():
        (folder / "targets").symlink_to(paths.home() / "targets")
    return folder


def measured(options: list[str], roots: dict[str, Path], homes: dict[str, Path], times: int) -> dict[str, list[float]]:
    """Return the processor seconds of a command under each source; they take turns, and the first does not count."""
    found: dict[str, list[float]] = {name: [] for name in roots}
    for _ in range(times + 1):
        for name, root in roots.items():
            found[name].append(processor_seconds(options, root, homes[name]))
    return {name: each[1:] for name, each in found.items()}


def processor_seconds(options: list[str], root: Path, data: Path) -> float:
    environment = os.environ | {"PYTHONPATH": str(root / "src"), "ISTAR_HOME": str(data)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *options], env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def summary(found: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(found), 3), "least": round(min(found), 3), "most": round(max(found), 3)}


def revision(root: Path) -> str:
    command = ["git", "-C", str(root), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
