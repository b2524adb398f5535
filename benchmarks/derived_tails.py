"""What methods that only behave like the target save on the tail of a training stream.

    python benchmarks/derived_tails.py [--questions 4] [--output FILE]

`loss_quantile`, a family of the sealed test, asks for tails of a stream of texts, and controls that never look inside
the target were bought there. No training family asks that. So a training stream is asked for its tail, and the
library's students and its trigram model, with the noise control, are scored on it as on a task: recorded in the jail,
offered to the executor, which learns from the other questions what they are worth.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from machine import describe_machine

TASKS = ("label_free_accuracy/remarks+surprise_tail",)
METHODS = {"ngram": 0.1, "behavioural_student": 0.1, "context_student": 0.02, "noise": 0.1}
"""With the share of brute force after which each is asked no further, as in `results/library`."""


def main() -> int:
    """Score the methods and write the result after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=2, help="executor seeds")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "derived_tails.json")
    arguments = parser.parse_args()

    from istar.arms.task_questions import with_references
    from istar.making.statistician.derived import derived_tables
    from istar.methods.library import library_methods
    from istar.methods.side_by_side import MethodFile
    from istar.protocol.config import configure
    from istar.protocol.scoring import score
    from istar.protocol.setup import set_up

    result: dict[str, Any] = {"machine": describe_machine(), "questions": arguments.questions, "methods": {}}
    for method, cap in METHODS.items():
        config = configure("standard", executor_seeds=arguments.seeds, threads=1)
        config = config.model_copy(update={"caps": config.caps.model_copy(update={"flops_fraction": cap})})
        with set_up(config, ("train",)) as setup:
            tables = {name: derived_tables(name, lambda task: setup.questions[task].tables) for name in TASKS}
            for name, theirs in tables.items():
                known = with_references(name.partition("+")[0], theirs)
                setup.arms.add(replace(known, task=name))
            file = MethodFile(library_methods()[method].read_text(encoding="utf-8"))
            asked = {name: theirs[: arguments.questions] for name, theirs in tables.items()}
            result["methods"][method] = entry(score(setup, file, method, asked, "train").to_json(), cap)
        arguments.output.write_text(json.dumps(result, indent=1) + "\n")
        print(method, json.dumps(result["methods"][method]), flush=True)
    return 0


def entry(found: dict[str, Any], cap: float) -> dict[str, Any]:
    """Return what is kept of a score."""
    kept = {
        task["task"]: {
            "heard": found["summary"]["heard"][task["task"]],
            "predict_flops": task["predict_flops"],
            "multipliers": task["multipliers"],
        }
        for task in found["tasks"]
    }
    return {"cap": cap, "reward": found["summary"]["reward"], "failures": found["failures"], "tasks": kept}


if __name__ == "__main__":
    sys.exit(main())
