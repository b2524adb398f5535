"""Replays a question of a plug-in's own in one new process after another, to see what is found on disk.

    python tests/protocol/replay_elsewhere.py HOME FOLDER...

Each folder holds a file `mine.py` that registers an executor, a functional and a readout called `mine`. Prints a JSON
list: for each folder how many curves were made there rather than found, and the skills of the black-box arm's curve.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from istar.arms.replays import Replays
from istar.arms.task_questions import TaskQuestions
from istar.protocol.config import SearchConfig
from istar.questions import FUNCTIONALS, READOUTS
from istar.testing.stores import make_table


class Counting(Replays):
    """Replays that count."""

    made = 0

    def replay_seed(self, *arguments, **options):
        self.made += 1
        return super().replay_seed(*arguments, **options)


def own_table(index: int):
    """A table whose functional and readout are the plug-in's."""
    table = make_table(index)
    runs = tuple(replace(run, readout=READOUTS.get("mine")()) for run in table.question.runs)
    question = replace(table.question, runs=runs, functional=FUNCTIONALS.get("mine")())
    values = np.array([run.readout.value(run.tokens, ()) for run in runs])
    return replace(table, question=question, values=values)


def replayed() -> dict[str, object]:
    table = own_table(0)
    question = table.question.hash
    task = TaskQuestions(table.question.task, "train", (table,), {question: np.zeros(1)}, {question: 1.0})
    arms = Counting(SearchConfig(executor="mine", executor_seeds=1), [task])
    (curve,) = arms.baseline(table).curves
    return {"made": arms.made, "skill": curve.skill}


def in_new_process(folder: Path) -> dict[str, object]:
    """Return what is replayed with a plug-in in a process that has imported none."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.environ["ISTAR_PLUGINS"] = str(folder / "mine.py")
            os.write(writer, json.dumps(replayed()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with open(reader, "rb") as stream:
        content = stream.read()
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(f"the process for {folder} failed")
    return json.loads(content)


if __name__ == "__main__":
    os.environ["ISTAR_HOME"] = sys.argv[1]
    found = [in_new_process(Path(folder)) for folder in sys.argv[2:]]
    sys.stdout.write(json.dumps(found) + "\n")
