"""How many times less an executor's curves cost where methods that it will not listen to are not replayed.

    python benchmarks/unheard_methods.py [--method NAME] [--task NAME] [--output FILE]

Methods of the library are recorded on training questions, under the cap that `results/library/common.sh` gives them;
recordings and the black-box arm's curves are found on disk where they were made before, and are left out of the times.
Then the white-box arm's curves of every question are made twice, by replaying the executor and by asking first whether
it will listen. They must be the same to the last bit. What either needs to know of a task's other questions is
computed once and counted against the second way.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

import torch

from machine import describe_machine

METHODS = ("logit_lens", "confidence_probe", "sparse_autoencoder", "short_context")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", action="append", help="of the library; may be repeated")
    parser.add_argument("--task", action="append", help="of training; may be repeated; all if not given")
    parser.add_argument("--questions", type=int, default=4)
    parser.add_argument("--executor-seeds", type=int, default=2)
    parser.add_argument("--flops", type=float, default=0.02, help="share of brute force that methods may take")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "unheard_methods.json")
    arguments = parser.parse_args()

    from istar.arms.settings import Caps
    from istar.protocol.config import SearchConfig, StageSize

    config = SearchConfig(
        threads=1,
        executor_seeds=arguments.executor_seeds,
        caps=Caps(flops_fraction=arguments.flops),
        train=StageSize(questions=arguments.questions, tasks=tuple(arguments.task or ())),
    )
    result = compare(config, tuple(arguments.method or METHODS))
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 0 if result["same_curves"] else 1


def compare(config: Any, methods: tuple[str, ...]) -> dict[str, Any]:
    """Make the curves in both ways; return times and whether they are the same."""
    from istar.methods.library import library_methods
    from istar.protocol.setup import set_up

    rows, same = [], True
    with set_up(config, ("train",)) as setup:
        arms, fresh = setup.arms, token_hex()  # nothing is to be found under it
        for name in methods:
            with arms.session(library_methods()[name].read_text(), name) as session:
                session.interpret()
                for task, tables in setup.tables("train").items():
                    recordings = [session.record(table).recording for table in tables]
                    if recordings[0].channels == 0:
                        continue
                    heard = {table.question.hash: each for table, each in zip(tables, recordings, strict=True)}
                    appraisals = {
                        each: arms.appraisal(table, said)
                        for (each, said), table in zip(heard.items(), tables, strict=True)
                    }
                    row = {"method": name, "task": task, "replayed": 0.0, "asked_first": 0.0}
                    for table, recording in zip(tables, recordings, strict=True):
                        known = arms.executor().learn(
                            arms.history(table, without(heard, table), without(appraisals, table))
                        )
                        ways = {
                            "asked_first": partial(
                                arms.white_box, table, recording, (name, fresh), lambda known=known: known
                            ),
                            "replayed": partial(replay, arms, table, recording, known),
                        }
                        made = {}
                        for way, make in ways.items():
                            start = time.perf_counter()
                            made[way] = make()
                            row[way] += time.perf_counter() - start
                        replayed = tuple(replace(curve, arm="white_box") for curve in made["replayed"])
                        same &= made["asked_first"] == replayed
                    rows.append(row)
    return {
        "target": config.target,
        "questions": config.train.questions,
        "executor_seeds": config.executor_seeds,
        "machine": describe_machine(),
        "ratio": ratio(rows),
        "ratio_by_method": {name: ratio([row for row in rows if row["method"] == name]) for name in methods},
        "same_curves": same,
        "seconds": rows,
    }


def itself(known: Any) -> Any:
    """Return what is given."""
    return known


def without(known: dict[str, Any], table: Any) -> dict[str, Any]:
    """Return what is known of all questions but one."""
    return {question: each for question, each in known.items() if question != table.question.hash}


def replay(arms: Any, table: Any, recording: Any, known: Any) -> tuple[Any, ...]:
    """Return the curves of the white-box arm, replayed whether the executor listens or not."""
    return tuple(arms.replay_seed(table, recording, seed, known) for seed in range(arms.config.executor_seeds))


def ratio(rows: list[dict[str, Any]]) -> float | None:
    """Return how many times less time the curves take."""
    asked = sum(row["asked_first"] for row in rows)
    return sum(row["replayed"] for row in rows) / asked if asked else None


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
