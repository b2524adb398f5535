"""Prints the figures that this process computes for a few questions, as JSON; `test_protocol_machines` compares them.

Values of a table, a method's channels and FLOPs, and the curves of both arms: everything between a model and a reward.
The instruction sets and the number of threads are chosen by environment variables, before any library is loaded.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from istar.executors import EXECUTORS, Market
from istar.making.statistician.knowing import knowledge_of
from istar.methods import Interpretation
from istar.methods.library import library_methods
from istar.methods.loading import load_method
from istar.methods.recorder import record
from istar.questions import nested_batches
from istar.seeds import Seed
from istar.targets import load_target
from istar.truth import build_table, shipped_folder, stored_tables
from istar.truth.effects.records import effects_of
from istar.truth.parquet import ParquetStore

TARGET, TASKS, METHOD = "tiny-exact", ("loss_quantile/symbols", "adversarial_floor/symbols"), "logit_lens"
PRIOR = 3
"""How many tables the executor's knowledge of each task is learned from."""


def figures(task: str) -> dict[str, Any]:
    """Return what is computed for the first question of a task."""
    target = load_target(TARGET)
    tables = stored_tables(task, target, PRIOR, store=ParquetStore(shipped_folder()))
    question = tables[0].question
    with tempfile.TemporaryDirectory() as folder:
        table = build_table(target, question, folder=Path(folder))
    method = load_method(library_methods()[METHOD].read_text(), METHOD)
    batches = nested_batches(question.structure, Seed.root(0).split(question.hash))
    recording = record(method, question.view, question.hash, batches, target, Interpretation())
    known = knowledge_of(question, [effects_of(each.question, each.values) for each in tables])
    executor = EXECUTORS.get("statistician")()
    found: dict[str, Any] = {
        "values": table.values.tolist(),
        "brute_flops": table.brute_flops,
        "method_flops": recording.total_flops,
        "by_op": dict(recording.by_op),
        "channels": [batch.channels.tolist() for batch in recording.batches],
    }
    for arm, heard in (("black_box", None), ("white_box", recording)):
        trace = executor.answer(Market(table, heard), known, Seed.root(0))
        losses = [question.functional.loss(answer, table.values, question.structure) for answer in trace.answers]
        found[arm] = {"flops": [int(each) for each in trace.flops_spent], "loss": [float(each) for each in losses]}
    return found


if __name__ == "__main__":
    threads = int(sys.argv[1])
    torch.set_num_threads(threads)
    with threadpool_limits(threads):
        json.dump({task: figures(task) for task in TASKS}, sys.stdout)
