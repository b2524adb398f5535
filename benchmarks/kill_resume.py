"""Kills a search with SIGKILL at random moments, again and again, and compares its ledger with an undisturbed one's.

    python benchmarks/kill_resume.py [--kills 20] [--methods 24]

Both searches run on the tiny target with small tables, each with caches of its own, so that nothing but the killed
search's own files can help it. Exits with 1 if the two ledgers' exports differ in a single byte.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from machine import describe_machine

TESTS = Path(__file__).parent.parent / "tests" / "protocol"
sys.path.insert(0, str(TESTS))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--methods", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0, help="decides when the kills come")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "kill_resume.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        settings = prepare(root, arguments.methods)
        loading, seconds = undisturbed_seconds(root, settings)
        kills = kill(root, settings, arguments.kills, loading, seconds, random.Random(arguments.seed))
        process = run(root, settings, "killed")
        if process.wait():
            print("the last resume failed")
            return 1
        undisturbed, killed = export(root, "undisturbed"), export(root, "killed")
    same = undisturbed == killed
    result = {
        "machine": describe_machine(),
        "kills": len(kills),
        "kills_during_the_search": sum(not each["search_had_ended"] for each in kills),
        "undisturbed_seconds": round(seconds, 1),
        "moments": kills,
        "ledger_lines": len(undisturbed),
        "same_ledger": same,
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(f"{len(kills)} kills; ledgers of {len(undisturbed)} lines are {'the same' if same else 'DIFFERENT'}")
    return 0 if same else 1


def prepare(root: Path, methods: int) -> Path:
    """Build the tables, give each search a home with them, and return the file of their settings."""
    os.environ["ISTAR_HOME"] = str(root / "home")
    import pytest
    from tiny_truth import build_tiny_truth

    from istar.protocol.config import SearchConfig, StageSize

    with pytest.MonkeyPatch.context() as patch:
        names = build_tiny_truth(patch)
    stages = {split: StageSize(questions=2, tasks=(names[split],)) for split in ("train", "validation", "test")}
    config = SearchConfig(
        target="tiny-random",
        methods=methods,
        side_by_side=2,
        threads=1,
        executor_seeds=2,
        corpus_sequences=8,
        corpus_length=32,
        screen=StageSize(questions=1, tasks=stages["train"].tasks),
        screen_floor=-1.0,
        validate_above=-1.0,
        **stages,
    )
    for name in ("undisturbed", "killed"):
        (root / f"home-{name}").mkdir()
        for kept in ("truth", "costs"):
            if (root / "home" / kept).exists():
                (root / f"home-{name}" / kept).symlink_to(root / "home" / kept)
    path = root / "settings.json"
    path.write_text(config.model_dump_json())
    return path


def run(root: Path, settings: Path, name: str) -> subprocess.Popen[bytes]:
    """Start or resume a search; the run's name is the same in both, as the export holds it."""
    command = [sys.executable, "-m", "istar", "search", "--resume", "--config", str(settings), "--run", "run"]
    own = {"ISTAR_HOME": str(root / f"home-{name}"), "ISTAR_PLUGINS": str(TESTS / "tiny_families.py")}
    environment = {**os.environ, **own, "OMP_NUM_THREADS": "1"}
    command += ["--runs", str(root / name)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def undisturbed_seconds(root: Path, settings: Path) -> tuple[float, float]:
    """Run the search to its end; return the seconds until its ledger is there, and all."""
    start = time.monotonic()
    process = run(root, settings, "undisturbed")
    while process.poll() is None and not (root / "undisturbed" / "run" / "ledger.sqlite").exists():
        time.sleep(0.02)
    loading = time.monotonic() - start
    if process.wait():
        raise SystemExit("the undisturbed search failed")
    return loading, time.monotonic() - start


def kill(
    root: Path, settings: Path, count: int, loading: float, seconds: float, moments: random.Random
) -> list[dict[str, int]]:
    """Start the search and kill it at a random moment, `count` times in a row; return when, and how far it was."""
    kills = []
    stretch = 2.0 * (seconds - loading) / count  # so that the search is about done after the last kill
    folder = root / "killed" / "run"
    for number in range(count):
        before = progress(folder)["evaluations"]
        process = run(root, settings, "killed")
        if number % 4 == 0:  # while it loads, or just after
            time.sleep(moments.uniform(0.0, 1.2 * loading))
        else:  # while it works
            while process.poll() is None and progress(folder)["evaluations"] == before:
                time.sleep(0.05)
            time.sleep(moments.uniform(0.0, stretch))
        ended = process.poll() is not None
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills.append({"search_had_ended": ended, **progress(folder)})
        print(f"kill {number}: {kills[-1]}")
    return kills


def progress(folder: Path) -> dict[str, int]:
    """Return how many rounds and evaluations the ledger of a search holds, also while it is being written."""
    counts = {}
    for table in ("rounds", "evaluations"):
        try:
            with closing(sqlite3.connect(f"file:{folder}/ledger.sqlite?mode=ro", uri=True)) as connection:
                counts[table] = int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
        except sqlite3.OperationalError:
            counts[table] = 0
    return counts


def export(root: Path, name: str) -> list[str]:
    """Return the lines of a run's ledger."""
    from istar.ledger import Ledger

    with Ledger(root / name / "run" / "ledger.sqlite", read_only=True) as ledger:
        return list(ledger.export("run"))


if __name__ == "__main__":
    sys.exit(main())
