"""How many answers an hour the executor gives to recorded methods, beside that of another checkout.

    python benchmarks/responsiveness.py --other CHECKOUT

Two processes of one thread each, one on this source and one on the other's, are asked in turns: a method on the four
first questions of a training task is what either is given at once, and who begins changes from one to the next. What
counts is what a search pays for a method besides recording it: appraising it on every question, learning from the
others, asking whether it is listened to at all, and answering. The black-box arm is answered before, and not counted.

Methods are planted recordings of one channel, of the fidelities and prices that those of the library have
(`results/method_library.json`): 33 of them.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import IO, Any

import numpy as np

FIDELITIES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
PRICES = (0.0003, 0.02, 0.25)
METHODS = tuple(product(FIDELITIES, PRICES))
QUESTIONS = 4
TASKS = 16
"""Training tasks of the embedded target: all there are."""


def pairs_of(names: Sequence[str], count: int | None) -> list[tuple[int, str]]:
    """Return methods and tasks in an order drawn by chance, the first `count` of them or all."""
    every = list(product(range(len(METHODS)), names))
    order = np.random.default_rng(0).permutation(len(every))[:count]
    return [every[place] for place in order]


def source_of(checkout: Path) -> Path:
    """Return where the source of a checkout is.

    Raises:
        SystemExit: there is none.
    """
    source = (checkout / "src").resolve()
    if not (source / "istar" / "executors").is_dir():
        sys.exit(f"{checkout} is no checkout of istar: there is no {source / 'istar' / 'executors'}")
    return source


class Side:
    """A process that answers on the source of a checkout.

    Args:
        checkout: the root of the checkout.
        executor: the name of the executor and its options.
    """

    def __init__(self, checkout: Path, executor: tuple[str, dict[str, Any]]) -> None:
        """See the class docstring."""
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self.process = subprocess.Popen(
            [sys.executable, __file__, json.dumps(executor)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | threads | {"PYTHONPATH": str(source_of(checkout))},
        )

    def ask(self, method: int, task: str) -> dict[str, Any]:
        """Return the seconds of answers to a method on a task, and how much memory the process has had at most."""
        to, back = self._pipes
        to.write(json.dumps([method, task]) + "\n")
        to.flush()
        line = back.readline()
        if not line:
            sys.exit(f"the process of {self.process.args!r} ended with {self.process.wait()}; its error stands above")
        return dict(json.loads(line))

    @property
    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        return self.process.stdin, self.process.stdout

    def close(self) -> None:
        """End the process."""
        self._pipes[0].close()
        self.process.wait()


def compare(checkout: Path, names: Sequence[str], count: int | None, executor: tuple[str, dict[str, Any]]) -> Any:
    """Return how fast this source and another's are.

    Args:
        checkout: the root of the other checkout.
        names: training tasks.
        count: how many methods on tasks are asked; all if None.
        executor: its name and options.
    """
    sides = {"this": Side(Path(__file__).parents[1], executor), "other": Side(checkout, executor)}
    rows = []
    try:
        for turn, (method, task) in enumerate(pairs_of(names, count)):
            fidelity, price = METHODS[method]
            row: dict[str, Any] = {"task": task, "fidelity": fidelity, "price": price}
            for name in sorted(sides, reverse=bool(turn % 2)):
                row[name] = sides[name].ask(method, task)
            rows.append(row)
            print(f"{task} {fidelity:g} at {price:g}: {row['this']['seconds']:.2f} s, {row['other']['seconds']:.2f} s")
    finally:
        for side in sides.values():
            side.close()
    return figures(rows)


def figures(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return answers an hour of both sides, their ratio, by task too, and the most memory of either."""
    tasks = sorted({row["task"] for row in rows})
    return {
        "answers_per_hour_ratio": round(_ratio(rows), 3),
        "answers_per_hour": {
            side: round(3600 * QUESTIONS * len(rows) / sum(row[side]["seconds"] for row in rows))
            for side in ("this", "other")
        },
        "methods_on_tasks": len(rows),
        "of": len(METHODS) * TASKS,
        "questions": QUESTIONS,
        "ratio_by_task": {task: round(_ratio([row for row in rows if row["task"] == task]), 3) for task in tasks},
        "memory_gib": {side: round(max(row[side]["memory"] for row in rows) / 2**30, 3) for side in ("this", "other")},
        "recordings": "planted, one channel, fidelities and prices as in the library",
        "rows": [
            [
                row["task"],
                row["fidelity"],
                row["price"],
                *(round(row[side]["seconds"], 2) for side in ("this", "other")),
            ]
            for row in rows
        ],
    }


def _ratio(rows: Sequence[dict[str, Any]]) -> float:
    return sum(row["other"]["seconds"] for row in rows) / sum(row["this"]["seconds"] for row in rows)


def answer(executor: tuple[str, dict[str, Any]], asked: Iterator[tuple[int, str]]) -> Iterator[dict[str, Any]]:
    """Answer to methods on tasks, and yield how long it took each time."""
    from planted_channels import Planted, rows_at
    from responsiveness import Asked, Setting, tables_of

    @cache
    def known(task: str) -> Any:
        made = Asked(task, tables_of("train", task), Setting(*executor, QUESTIONS, QUESTIONS - 1, 1))
        made.take_black_box(made.alone(made.tables))
        return made

    for method, task in asked:
        questions = known(task)
        fidelity, price = METHODS[method]
        kind = Planted(f"method-{method}", fidelity, rows_at(fidelity))
        recordings = questions.recordings(kind, price)
        start = time.perf_counter()
        appraisals = questions.appraisals(recordings)
        answers = questions.heard("known", recordings, appraisals)
        yield {
            "seconds": time.perf_counter() - start,
            "bought": sum(each["batches"] > 0 for each in answers),
            "memory": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        }


def main() -> None:
    """Answer what is asked on the standard input, a line each, until it ends."""
    import torch

    torch.set_num_threads(1)
    for told in answer(json.loads(sys.argv[1]), (tuple(json.loads(line)) for line in sys.stdin)):
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
