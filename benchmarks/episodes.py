"""What an episode of the environment costs beside the methods it scores, and how fast it scores what is recorded.

    python benchmarks/episodes.py [--target smollm2-135m] [--task shot_shapley/antonyms] [--idle 1000] [--output FILE]

A library method is scored in an episode, never recorded before: how long that takes, and what of it is neither the
method's nor the executor's (calls, ledger, budget, what is read back) is the episode's own. The same method is then
scored in other episodes, its recordings and curves on disk. And idle episodes are opened, as many as asked, for the
memory that each takes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from istar.environments import Environment, budget_of, open_environment
from istar.files import write_whole
from istar.methods.library import library_methods
from istar.methods.loading import read_source
from istar.protocol.config import SearchConfig, StageSize
from machine import describe_machine

METHODS = ("attention_gates", "answer_logits", "gradient_activation")


class Inside:
    """Adds up the seconds that are spent in calls of some functions, each call of another counted once."""

    def __init__(self) -> None:
        """Start at 0."""
        self.seconds, self._depth = 0.0, threading.local()

    def of(self, function: Any) -> Any:
        """Return the function with its seconds counted."""

        def counted(*arguments: Any, **named: Any) -> Any:
            if getattr(self._depth, "inside", False):
                return function(*arguments, **named)
            self._depth.inside, start = True, time.monotonic()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds += time.monotonic() - start
                self._depth.inside = False

        return counted


def timed_score(
    environment: Environment, inside: Inside, source: str, name: str
) -> tuple[float, float, dict[str, Any]]:
    """Return the seconds that a score takes in an episode, those of methods and executor among them, and the result."""
    episode = environment.reset(None, budget_of(flops=2**62, seconds=10**6), name=name)
    start, before = time.monotonic(), inside.seconds
    reply = episode.call("score", {"source": source})
    while reply.status == "running":
        reply = episode.poll(reply.call, seconds=600.0)
    seconds = time.monotonic() - start
    assert reply.status == "done", reply.error
    episode.close()
    return seconds, inside.seconds - before, reply.result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default="smollm2-135m")
    parser.add_argument("--task", default="shot_shapley/antonyms")
    parser.add_argument("--questions", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--idle", type=int, default=1000)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "episodes.json")
    arguments = parser.parse_args()
    tasks = StageSize(questions=arguments.questions, tasks=(arguments.task,))
    found: dict[str, Any] = {"settings": {"target": arguments.target, "task": arguments.task}, "methods": {}}
    found["settings"] |= {"questions": arguments.questions, "repetitions": arguments.repetitions}
    config = SearchConfig(target=arguments.target, train=tasks)
    with tempfile.TemporaryDirectory() as folder, open_environment(Path(folder) / "episodes", config) as environment:
        inside, arms = Inside(), environment._arms
        environment._work = inside.of(environment._work)
        for verb in ("baseline", "priced"):
            setattr(arms, verb, inside.of(getattr(arms, verb)))
        for method in METHODS:
            source = read_source(library_methods()[method]) + f"\n# scored for the first time at {time.time_ns()}\n"
            first, first_inside, result = timed_score(environment, inside, source, f"{method} first")
            again = [
                timed_score(environment, inside, source, f"{method} {number}")
                for number in range(arguments.repetitions)
            ]
            assert all(each[2]["reward"] == result["reward"] for each in again), "the same method, another reward"
            found["methods"][method] = {
                "first_seconds": first,
                "own_share": 1 - first_inside / first,
                "own_seconds": first - first_inside,
                "recorded_seconds": median(each[0] for each in again),
                "recorded_own_seconds": median(each[0] - each[1] for each in again),
                "recorded_most_seconds": max(each[0] for each in again),
                "reward": result["reward"],
            }
            sys.stdout.write(f"{method}: {json.dumps(found['methods'][method])}\n")
        process = psutil.Process()
        before = process.memory_info().rss
        for number in range(arguments.idle):
            environment.reset(None, name=f"idle {number}")
        found["idle"] = {"episodes": arguments.idle, "mebibytes": (process.memory_info().rss - before) / 2**20}
    found["machine"] = describe_machine()
    write_whole(arguments.output, (json.dumps(found, indent=1) + "\n").encode())
    sys.stdout.write(f"{json.dumps(found['idle'])}\nwrote {arguments.output}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
