"""What the library's methods cost and say: channels on whole questions against the stored exact values.

    python benchmarks/method_library.py shot_shapley/antonyms context_attribution/facts-loo --output result.json

For each task one question: the FLOPs of all channels and of the first nested batch as shares of brute force, and the
correlation of the channel with the exact values over rows, overall and within the levels of the first nuisance column.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from istar.flops.meter import Meter
from istar.methods import load_method
from istar.methods.library import library_methods
from istar.methods.recorder import record, run_interpret
from istar.questions import nested_batches
from istar.seeds import Seed
from istar.targets import load_target
from istar.targets.corpus import build_corpus
from istar.truth import Table, load_tables
from machine import describe_machine


def correlations(table: Table, channel: np.ndarray) -> tuple[float, float | None]:
    values = np.asarray(table.values)
    overall = float(np.corrcoef(channel, values)[0, 1])
    nuisances = table.question.structure.of("nuisance")
    level = nuisances[0].array.astype(int) if nuisances else np.arange(len(values))
    counts = np.bincount(level)
    if counts.max() == 1:
        return overall, None
    centred = [column - (np.bincount(level, column) / counts)[level] for column in (channel, values)]
    return overall, float(np.corrcoef(*centred)[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="+")
    parser.add_argument("--methods", nargs="*", default=sorted(library_methods()))
    parser.add_argument("--target", default="smollm2-135m")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    target = load_target(arguments.target)
    corpus = build_corpus(target)
    rows = []
    for name in arguments.methods:
        method = load_method(library_methods()[name])
        spent = Meter()
        interpretation = run_interpret(method, target, corpus, spent)
        for task in arguments.tasks:
            (table,) = load_tables(task, target, 1)
            question = table.question
            batches = nested_batches(question.structure, Seed.root(0))
            recording = record(method, question.view, question.hash, batches, target, interpretation)
            row = {"method": name, "task": task, "interpret_flops": spent.flops, "channels": recording.channels}
            row["first_batch_share"] = recording.batches[0].flops / table.brute_flops
            row["share"] = recording.total_flops / table.brute_flops
            if recording.channels:
                channel = np.empty(len(question.runs))
                for batch in recording.batches:
                    channel[batch.rows] = batch.channels[:, 0]
                row["correlation"], row["within_nuisance"] = correlations(table, channel)
            rows.append(row)
            print(json.dumps(row), flush=True)
            if arguments.output:
                result = {"target": target.id, "machine": describe_machine(), "rows": rows}
                arguments.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
