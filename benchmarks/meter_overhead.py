"""How much slower a forward pass is under the meter: plain and metered passes in turn, beside another build's meter.

    python benchmarks/meter_overhead.py [--other CHECKOUT]

Goals: at most 2% at a batch of 8 x 256 tokens and 8% at 1 x 32, on SmolLM2-135M. A pass is the model's own forward,
logits at every position included. Each pair of passes, plain and metered, runs back to back, and pairs of the two
builds take turns, each in a process of its own, so that whatever else the machine does meets all of them. An overhead
is the ratio of the medians over the pairs, less one; quartiles of the pairs' own ratios say how far to trust it.
Seconds of processor time stand beside wall-clock seconds. Run it on a machine that does nothing else: the load at the
start is part of the result. The meter is that of recordings; both builds must count the same. A mode that only passes
every operation on is timed beside them: what torch takes to reach Python at all, below which no mode can go.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from machine import describe_machine

RESULT = Path(__file__).parent / "results" / "meter_overhead.json"
CASES = ((1, 32, "no_grad", 0.08), (1, 32, "inference_mode", 0.08), (8, 256, "no_grad", 0.02))
"""Batch, length, mode, and the largest overhead allowed."""


class PassingOn(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Does nothing with what it sees."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation."""
        return func._op(*args, **kwargs) if kwargs else func._op(*args)


def timed(run: Callable[[], Any]) -> tuple[float, float]:
    """Return wall-clock seconds and processor seconds of one call."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - processor


def serve(target: str, threads: int) -> None:
    """Answer the number of a case with the times of one pair of passes, until there is no more to read."""
    from istar.methods import recorder
    from istar.targets import load_target

    torch.set_num_threads(threads)
    model = load_target(target).module.eval()
    meters: dict[int, Any] = {}
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        number = json.loads(line)
        batch, length, mode, _ = CASES[number]
        tokens = torch.arange(batch * length).reshape(batch, length) % model.config.vocab_size
        with getattr(torch, mode)():
            if number not in meters:
                meters[number] = recorder.recording_meter() if hasattr(recorder, "recording_meter") else older_meter()
                for _ in range(2):
                    model(tokens)
                    with meters[number]:
                        model(tokens)
            meter, before = meters[number], meters[number].flops
            plain = lambda tokens=tokens: model(tokens)  # noqa: E731

            def metered(meter: Any = meter, plain: Callable[[], Any] = plain) -> None:
                with meter:
                    plain()

            # Every other pair the other way round, so that neither always runs on warm caches.
            if (before // 10**6) % 2:
                under, bare = timed(metered), timed(plain)
            else:
                bare, under = timed(plain), timed(metered)
            counted = meter.flops - before
            with PassingOn():  # type: ignore[no-untyped-call]
                passed = timed(plain)
        print(json.dumps({"plain": bare, "metered": under, "passed_on": passed, "flops": counted}), flush=True)


def older_meter() -> Any:
    """Return the meter of a build that makes it in place."""
    from istar.flops import Meter

    return Meter(strict=True)


@contextmanager
def build(source: Path, target: str, threads: int) -> Iterator[Callable[[int], dict[str, Any]]]:
    """Start a build; give what asks it for one pair of passes."""
    command = [sys.executable, __file__, "--serve", "--target", target, "--threads", str(threads)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(source / "src"), str(Path(__file__).parent)])}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=source
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        json.loads(child.stdout.readline())

        def ask(number: int) -> dict[str, Any]:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(f"{number}\n")
            child.stdin.flush()
            answer: dict[str, Any] = json.loads(child.stdout.readline())
            return answer

        yield ask
        child.stdin.close()


def summary(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return times and overheads of the pairs of one build."""
    found: dict[str, Any] = {}
    for place, clock in enumerate(("wall", "processor")):
        bare = statistics.median(pair["plain"][place] for pair in pairs)
        under = statistics.median(pair["metered"][place] for pair in pairs)
        found |= {
            f"plain_{clock}_seconds": round(bare, 5),
            f"metered_{clock}_seconds": round(under, 5),
            f"{clock}_overhead": round(under / bare - 1, 4),
            f"{clock}_overhead_of_passing_on": round(
                statistics.median(pair["passed_on"][place] for pair in pairs) / bare - 1, 4
            ),
        }
    ratios = [pair["metered"][0] / pair["plain"][0] - 1 for pair in pairs]
    fastest = min(pair["metered"][0] for pair in pairs) / min(pair["plain"][0] for pair in pairs) - 1
    return found | {
        "wall_overhead_of_fastest": round(fastest, 4),
        "wall_overhead_quartiles": [round(each, 4) for each in statistics.quantiles(ratios, n=4)],
    }


def main() -> None:
    """Compare and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="smollm2-135m")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--pairs", type=int, default=60, help="pairs of passes at 1 x 32; a fifth of it at 8 x 256")
    parser.add_argument("--other", type=Path, help="a checkout of another revision")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.target, arguments.threads)
        return
    torch.set_num_threads(arguments.threads)
    described = describe_machine()
    here = Path(__file__).resolve().parents[1]
    results = []
    with (
        build(here, arguments.target, arguments.threads) as this,
        build(arguments.other or here, arguments.target, arguments.threads) as other,
    ):
        for number, (batch, length, mode, goal) in enumerate(CASES):
            count = arguments.pairs if batch * length < 1000 else max(4, arguments.pairs // 5)
            mine, others = [], []
            for _ in range(count):
                mine.append(this(number))
                if arguments.other is not None:
                    others.append(other(number))
            flops = {pair["flops"] for pair in (*mine, *others)}
            if len(flops) != 1:
                raise SystemExit(f"the two builds count differently: {sorted(flops)}")
            result = {"batch": batch, "length": length, "mode": mode, "goal": goal, "pairs": count}
            result |= {"flops_per_pass": flops.pop(), **summary(mine)}
            if others:
                result["other"] = summary(others)
            print(json.dumps(result), flush=True)
            results.append(result)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(
        json.dumps({"target": arguments.target, "machine": described, "results": results}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
