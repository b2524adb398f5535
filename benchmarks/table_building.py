"""How fast a table is built: by istar's packed engine, by padded Hugging Face batches, and by lm-eval.

The same rows are run three ways, one after another in one process, and repeated so that a change in the machine's load
falls on all three. The packed engine builds the whole table. The two baselines share nothing between rows, so where
the whole would take long they run evenly spaced batches of rows in order of length, and their time is scaled by tokens.

lm-eval is optional (`pip install lm_eval`); without it, its column is left out.

    python benchmarks/table_building.py --output benchmarks/results/table_building.json
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from istar.questions import GreedyCorrect, Run, SpanLogprob, SpanMargin, build_trie
from istar.targets import Target, load_target
from istar.tasks import task
from machine import describe_machine, matrix_product_rate

BATCH = 32
"""Rows at once, for both baselines."""


def matrix_product_flops(target: Target, runs: Sequence[Run]) -> int:
    """Return the FLOPs in matrix products and attention that the unique tokens and reads of a table need."""
    trie = build_trie(runs)
    config = target.module.config
    heads = config.num_attention_heads * getattr(config, "head_dim", config.hidden_size // config.num_attention_heads)
    weights = sum(
        weight.numel() for block in target.anatomy.blocks for weight in block.parameters() if weight.ndim == 2
    )
    pairs = int((trie.depth + 1).sum())
    reads = len(np.unique(np.concatenate(trie.reads)))
    linear = 2 * weights * trie.unique_tokens
    return linear + 4 * heads * target.layers * pairs + 2 * target.width * target.vocabulary * reads


def padded_batches(target: Target, runs: Sequence[Run]) -> np.ndarray:
    """Return values by Hugging Face's own forward on right-padded batches of similar length."""
    paths = sorted(
        ((row, number, path) for row, run in enumerate(runs) for number, path in enumerate(run.paths)),
        key=lambda item: -len(item[2].tokens),
    )
    log_probs: list[dict[int, torch.Tensor]] = [{} for _ in runs]
    values = np.full(len(runs), np.nan)
    for start in range(0, len(paths), BATCH):
        batch = paths[start : start + BATCH]
        length = len(batch[0][2].tokens)
        tokens = torch.full((len(batch), length), target.bos)
        mask = torch.zeros(len(batch), length, dtype=torch.long)
        for place, (_, _, path) in enumerate(batch):
            tokens[place, : len(path.tokens)] = torch.tensor(path.tokens)
            mask[place, : len(path.tokens)] = 1
        with torch.no_grad():
            logits = target.module(input_ids=tokens, attention_mask=mask, use_cache=False).logits
        for place, (row, number, path) in enumerate(batch):
            log_probs[row][number] = torch.log_softmax(logits[place, list(path.reads)], dim=-1)
            run = runs[row]
            if len(log_probs[row]) == len(run.paths):
                found = [log_probs[row].pop(number) for number in range(len(run.paths))]
                values[row] = run.readout.value(run.tokens, found)
    return values


def lm_eval_backend(target: Target) -> Callable[[Sequence[Run]], np.ndarray]:
    """Return a function that gives values by lm-eval's Hugging Face backend, its requests sorted and batched by it."""
    from lm_eval.models.huggingface import HFLM

    backend = HFLM(pretrained=target.module, tokenizer=target.tokenizer, batch_size=BATCH, max_length=2048)

    def values(runs: Sequence[Run]) -> np.ndarray:
        requests, owners = [], []
        for row, run in enumerate(runs):
            start = run.readout.start  # type: ignore[attr-defined]
            spans = [run.tokens[start:]]
            if isinstance(run.readout, SpanMargin):
                spans.append(run.readout.foil)
            for span in spans:
                requests.append((("", ""), list(run.tokens[:start]), list(span)))
                owners.append(row)
        answers = backend._loglikelihood_tokens(requests, disable_tqdm=True)
        found: list[list[tuple[float, bool]]] = [[] for _ in runs]
        for row, answer in zip(owners, answers, strict=True):
            found[row].append(answer)
        return np.array([_combine(run, answer) for run, answer in zip(runs, found, strict=True)])

    return values


def _combine(run: Run, answers: list[tuple[float, bool]]) -> float:
    if isinstance(run.readout, SpanMargin):
        return answers[0][0] - answers[1][0]
    if isinstance(run.readout, GreedyCorrect):
        return float(answers[0][1])
    if isinstance(run.readout, SpanLogprob):
        return answers[0][0] / (len(run.tokens) - run.readout.start if run.readout.mean else 1)
    raise SystemExit(f"lm-eval has no request for the readout {run.readout.kind}")


def tokens_of(runs: Sequence[Run]) -> int:
    """Return how many tokens the paths of runs hold without sharing."""
    return sum(len(path.tokens) for run in runs for path in run.paths)


def timed(build: Callable[[], np.ndarray]) -> tuple[np.ndarray, float, float]:
    """Return values, seconds of the clock and seconds of processor time."""
    clock, processor = time.perf_counter(), time.process_time()
    values = build()
    return values, time.perf_counter() - clock, time.process_time() - processor


def measure(target: Target, name: str, rows: int | None, sample: int, repeats: int) -> dict[str, object]:
    """Return the measurements for the first question of one task."""
    question = task(name).question(target.tokenizer, 0)
    runs = list(question.runs if rows is None else question.runs[:rows])
    by_length = sorted(range(len(runs)), key=lambda row: tokens_of([runs[row]]))
    # Whole batches of neighbours in length, evenly spaced, so that a sample is padded no more than the whole would be.
    batches = [by_length[start : start + BATCH] for start in range(0, len(runs), BATCH)]
    spaced = np.unique(np.linspace(0, len(batches) - 1, max(sample // BATCH, 1)).round().astype(int))
    chosen = [row for place in spaced for row in batches[place]]
    few = [runs[row] for row in chosen]
    scale = tokens_of(runs) / tokens_of(few)
    baselines: dict[str, Callable[[Sequence[Run]], np.ndarray]] = {
        "padded_batches": lambda selected: padded_batches(target, selected)
    }
    if find_spec("lm_eval"):
        baselines["lm_eval"] = lm_eval_backend(target)
    flops = matrix_product_flops(target, runs)
    repetitions = []
    for _ in range(repeats):
        rate = matrix_product_rate()
        values, clock, processor = timed(lambda: target.values(runs).numpy())
        rate = max(rate, matrix_product_rate())
        times: dict[str, object] = {
            "istar_seconds": clock,
            "istar_processor_seconds": processor,
            "matrix_product_flops_per_second": rate,
            "istar_flops_per_second": flops / clock,
            "share_of_matrix_product_rate": flops / clock / rate,
        }
        for baseline, build in baselines.items():
            found, clock, processor = timed(lambda build=build: build(few))  # type: ignore[misc]
            times[f"{baseline}_sample_seconds"] = clock
            times[f"{baseline}_seconds"] = clock * scale
            times[f"{baseline}_ratio"] = clock * scale / float(times["istar_seconds"])  # type: ignore[arg-type]
            ratio = processor * scale / float(times["istar_processor_seconds"])  # type: ignore[arg-type]
            times[f"{baseline}_processor_ratio"] = ratio
            times[f"{baseline}_largest_difference"] = float(np.abs(found - values[chosen]).max())
        repetitions.append(times)
    trie = build_trie(runs)
    medians = {key: float(np.median([float(each[key]) for each in repetitions])) for key in repetitions[0]}  # type: ignore[arg-type]
    return {
        "task": name,
        "question": question.hash,
        "rows": len(runs),
        "tokens": tokens_of(runs),
        "unique_tokens": trie.unique_tokens,
        "unique_reads": len(np.unique(np.concatenate(trie.reads))),
        "matrix_product_flops": flops,
        "baseline_rows": len(few),
        "baseline_scale": scale,
        "median": medians,
        "repetitions": repetitions,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="smollm2-135m")
    parser.add_argument("--tasks", nargs="+", default=["shot_shapley/antonyms", "prompt_ceiling/words"])
    parser.add_argument("--rows", type=int, help="use the first rows of each table only")
    parser.add_argument("--sample", type=int, default=256, help="rows that the baselines run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    target = load_target(arguments.target)
    target.values(task(arguments.tasks[0]).question(target.tokenizer, 0).runs[:8])
    result = {
        "benchmark": "table_building",
        "target": target.id,
        "goals": {"padded_batches_ratio": 3, "lm_eval_ratio": 5, "share_of_matrix_product_rate": 0.6},
        "machine": describe_machine(),
        "lm_eval": version("lm_eval") if find_spec("lm_eval") else None,
        "batch": BATCH,
        "tables": [
            measure(target, name, arguments.rows, arguments.sample, arguments.repeats) for name in arguments.tasks
        ],
    }
    text = json.dumps(result, indent=2)
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(text + "\n")
    for table in result["tables"]:  # type: ignore[attr-defined]
        print(table["task"], json.dumps(table["median"], indent=2))


if __name__ == "__main__":
    main()
