"""How often the statistician's own intervals hold the truth: on training questions, each held out of what was learned.

    python tests/executors/posterior.py [--questions 8] [--seeds 2]

Prints JSON: for every training task the share of 95% intervals of the black-box arm that hold the truth, over outputs,
questions, seeds and the budgets from 1/256 of brute force to half of it. Priors are learned from the task's other
questions, and the factor on spreads from all other questions of the same kind; `before` is without that factor.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from istar.executors.statistician.portfolio import portfolio
from istar.making.statistician.spreads import CLAIMED, SHARES, Errors, coverage, spread_factor, standardised_errors
from istar.tasks import tasks
from istar.truth import MissingTruthError, load_tables
from istar.truth.effects.records import learn_effects


def measured(questions: int, seeds: int) -> dict[str, dict[str, list[Errors]]]:
    """Return the standardised errors on each question of the training tasks, by kind of functional and by task."""
    found: dict[str, dict[str, list[Errors]]] = {}
    for task in tasks("train"):
        try:
            tables = load_tables(task.name, task.home)
        except MissingTruthError:
            continue
        kind = tables[0].question.functional.kind
        records = learn_effects(tables)
        errors = standardised_errors(tables[:questions], records, portfolio().variant(kind), range(seeds))
        found.setdefault(kind, {})[task.name] = errors
    return found


def held(kinds: dict[str, dict[str, list[Errors]]]) -> dict[str, dict[str, Any]]:
    """Return what intervals held, task by task."""
    by_task: dict[str, dict[str, Any]] = {}
    for kind, members in kinds.items():
        every = [each for errors in members.values() for each in errors]
        for name, errors in members.items():
            factors = [spread_factor([other for other in every if other is not each]) for each in errors]
            after = [coverage(each, factor) for each, factor in zip(errors, factors, strict=True)]
            by_question = np.nanmean(after, axis=1)
            by_task[name] = {
                "kind": kind,
                "questions": len(errors),
                "held": float(by_question.mean()),
                "standard_error": float(by_question.std(ddof=1) / np.sqrt(len(by_question))),
                "by_share_of_brute_force": np.nanmean(after, axis=0).tolist(),
                "before": float(np.nanmean([coverage(each) for each in errors])),
                "factor": float(np.mean(factors)),
            }
    return by_task


def main() -> int:
    """Replay the training tables and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    started = time.perf_counter()
    with threadpool_limits(1, user_api="blas"):
        by_task = held(measured(arguments.questions, arguments.seeds))
    shares = np.array([each["held"] for each in by_task.values()])
    found = {
        "claimed": CLAIMED,
        "shares_of_brute_force": SHARES,
        "held": float(shares.mean()),
        "standard_error": float(shares.std(ddof=1) / np.sqrt(len(shares))),
        "before": float(np.mean([each["before"] for each in by_task.values()])),
        "tasks": by_task,
        "seconds": time.perf_counter() - started,
    }
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
