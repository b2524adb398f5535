"""Methods per hour with standard runs handed out and without, on the same questions and the same methods.

    python benchmarks/standard_runs.py [--target smollm2-135m] [--task memorisation/kjv] [--output FILE]

The methods are the library's logit lens at depths that differ, and one that reads two depths: what a search over
lenses tries. Each is recorded on every question twice, with a shelf of standard runs and without one; interpretation,
replays of the executor and the start of the jails are left out of both. What the shelf's first users pay for (two
methods run everything themselves, and the standard runs are computed after the second) is left out of the ratio and
given apart. The recordings must be the same to the last bit, and so must the FLOPs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from machine import describe_machine

TWO_DEPTHS = '''"""Reads two depths."""
import torch
from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    layers = (round(0.6 * target.layers), round(0.8 * target.layers))
    return torch.stack([target.read(runs, target.run(runs, upto=layer)) for layer in layers], dim=1)
'''


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default="smollm2-135m")
    parser.add_argument("--task", action="append", help="may be repeated")
    parser.add_argument("--questions", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", type=float, default=0.5, help="share of the rows that methods look at")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "standard_runs.json")
    arguments = parser.parse_args()
    tasks = tuple(arguments.task or ("memorisation/kjv", "prompt_ceiling/words", "backdoor_audit/answers"))

    from istar.arms.settings import Caps
    from istar.protocol.config import SearchConfig, StageSize

    config = SearchConfig(
        target=arguments.target,
        threads=arguments.threads,
        corpus_sequences=4,
        caps=Caps(rows_fraction=arguments.rows, flops_fraction=2.0),
        validation=StageSize(questions=arguments.questions, tasks=tasks),
    )
    with tempfile.TemporaryDirectory() as scratch:
        result = compare(config, Path(scratch))
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 0 if result["same_recordings"] else 1


def compare(config: Any, scratch: Path) -> dict[str, Any]:
    """Record the methods in both ways; return times and whether what was recorded is the same."""
    from istar.arms.sandboxed import SandboxArms
    from istar.methods.library import library_methods
    from istar.protocol.setup import set_up
    from istar.storage import Store

    lens = library_methods()["logit_lens"].read_text()
    methods = {
        f"logit_lens_{depth}": lens.replace("DEPTH = 0.87", f"DEPTH = {depth}") for depth in (0.5, 0.7, 0.8, 0.9)
    }
    methods["two_depths"] = TWO_DEPTHS
    with set_up(config, ("validation",)) as setup:
        arms: SandboxArms = setup.arms
        tables = [table for each in setup.tables("validation").values() for table in each]

        def recorded(name: str, source: str, store: Store) -> tuple[list[Any], list[float]]:
            arms.store = store
            with arms.session(source, name) as session:
                session.interpret()
                found, seconds = [], []
                for table in tables:
                    start = time.perf_counter()
                    found.append(session.record(table, again=True).recording)
                    seconds.append(time.perf_counter() - start)
            return found, seconds

        shared, rows, same = Store(scratch / "shared"), [], True
        first = time.perf_counter()
        for name in list(methods)[:2]:
            recorded(name, methods[name], shared)  # wants the streams; after the second they are there
        filling = time.perf_counter() - first
        for number, (name, source) in enumerate(methods.items()):
            own = Store(scratch / f"own-{number}")  # an empty shelf: nothing is ever handed out
            without, seconds_without = recorded(name, source, own)
            handed, seconds_with = recorded(name, source, shared)
            for table, one, other, slow, fast in zip(
                tables, without, handed, seconds_without, seconds_with, strict=True
            ):
                same &= one.total_flops == other.total_flops and dict(one.by_op) == dict(other.by_op)
                same &= all(
                    a.channels.tobytes() == b.channels.tobytes()
                    for a, b in zip(one.batches, other.batches, strict=True)
                )
                rows.append({"method": name, "task": table.question.task, "without": slow, "with": fast})
    by_task = {
        task: ratio([row for row in rows if row["task"] == task]) for task in dict.fromkeys(row["task"] for row in rows)
    }
    return {
        "target": config.target,
        "rows_fraction": config.caps.rows_fraction,
        "machine": describe_machine(),
        "ratio": ratio(rows),
        "ratio_by_task": by_task,
        "seconds_of_the_first_two_methods_and_the_standard_runs": filling,
        "same_recordings": same,
        "seconds": rows,
    }


def ratio(rows: list[dict[str, Any]]) -> float:
    """Return how many times more methods an hour are recorded."""
    return sum(row["without"] for row in rows) / sum(row["with"] for row in rows)


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
