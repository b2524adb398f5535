"""How much slower a forward pass is under the meter: plain and metered passes in turn, in one run.

Goals: at most 5% at a batch of 8 x 256 tokens and 20% at 1 x 32, on SmolLM2-135M. A pass is the model's own forward,
logits at every position included. Each pair of passes runs back to back, so that whatever else the machine does meets
both. The ratio is that of the medians over the pairs; quartiles of the pairs' own ratios say how far to trust it.
Seconds of processor time stand beside wall-clock seconds. Run it on a machine that does nothing else: the load at the
start is part of the result.

    python benchmarks/meter_overhead.py
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from istar.flops import Meter
from istar.targets import load_target

RESULT = Path(__file__).parent / "results" / "meter_overhead.json"
CASES = ((1, 32, torch.no_grad, 0.20), (1, 32, torch.inference_mode, 0.20), (8, 256, torch.no_grad, 0.05))
"""Batch, length, mode, and the largest overhead allowed."""


def machine(threads: int) -> dict[str, Any]:
    """Describe the machine without naming it."""
    cpu = platform.processor()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "threads": threads,
        "load_per_core_at_start": round(os.getloadavg()[0] / (os.cpu_count() or 1), 2),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def timed(run: Callable[[], Any]) -> tuple[float, float]:
    """Return wall-clock seconds and processor seconds of one call."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - processor


def compare(run: Callable[[], Any], pairs: int) -> dict[str, Any]:
    """Return times of a program with and without the meter."""
    meter = Meter(strict=True)

    def metered() -> None:
        with meter:
            run()

    run()
    metered()
    start = meter.flops
    plain, under = [], []
    for pair in range(pairs):
        # Every other pair the other way round, so that neither always runs on warm caches.
        first, second = (run, metered) if pair % 2 else (metered, run)
        times = {first: timed(first), second: timed(second)}
        plain.append(times[run])
        under.append(times[metered])
    ratios = sorted(metered[0] / bare[0] - 1 for bare, metered in zip(plain, under, strict=True))
    quartiles = statistics.quantiles(ratios, n=4)
    result: dict[str, Any] = {"pairs": pairs, "flops_per_pass": (meter.flops - start) // pairs}
    for place, clock in enumerate(("wall", "processor")):
        bare = statistics.median(each[place] for each in plain)
        metered_seconds = statistics.median(each[place] for each in under)
        result |= {
            f"plain_{clock}_seconds": round(bare, 5),
            f"metered_{clock}_seconds": round(metered_seconds, 5),
            f"{clock}_overhead": round(metered_seconds / bare - 1, 4),
        }
    fastest = min(each[0] for each in under) / min(each[0] for each in plain) - 1
    return result | {
        "wall_overhead_of_fastest": round(fastest, 4),
        "wall_overhead_quartiles": [round(each, 4) for each in quartiles],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="smollm2-135m")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--pairs", type=int, default=60, help="pairs of passes at 1 x 32; a tenth of it at 8 x 256")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    described = machine(arguments.threads)
    model = load_target(arguments.target).module.eval()
    results = []
    for batch, length, mode, goal in CASES:
        tokens = torch.arange(batch * length).reshape(batch, length) % model.config.vocab_size
        pairs = arguments.pairs if batch * length < 1000 else max(3, arguments.pairs // 10)
        with mode():
            result = compare(lambda tokens=tokens: model(tokens), pairs)
        result = {"batch": batch, "length": length, "mode": mode.__name__, "goal": goal} | result
        print(json.dumps(result), flush=True)
        results.append(result)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(
        json.dumps({"target": arguments.target, "machine": described, "results": results}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
