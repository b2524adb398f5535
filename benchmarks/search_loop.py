"""Rounds per hour of `search` against a literal implementation of the document's loop, on the same questions.

    python benchmarks/search_loop.py [--target smollm2-135m] [--rounds 2] [--output FILE]

The literal loop does in every round what the document's text says: it interprets the target, runs the execution agent
without the method on every question (really running the rows that the agent buys, one after another as it buys them),
and runs it with the method (running the method's code again for every executor seed). The search interprets and
records once, takes the black-box arm from its cache, and replays values from the truth table.

Both end with rewards from the same executor, tables and seeds; they must be the same to the last bit. The rows that
the literal loop runs are compared with the table within the truth's own tolerance, and the table's values are handed
on: packed batches of other sizes differ in the last bits of a float32.

The search's first round pays for the baselines; rounds per hour are those of later ones, as in any long search, and
both figures are given.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from machine import describe_machine

TOLERANCE_NATS = 1e-3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default="smollm2-135m")
    parser.add_argument("--task", action="append", help="may be repeated")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the search")
    parser.add_argument("--literal-rounds", type=int, default=1, help="rounds of the literal loop")
    parser.add_argument("--questions", type=int, default=1)
    parser.add_argument("--executor-seeds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "search_loop.json")
    arguments = parser.parse_args()
    tasks = tuple(arguments.task or ("prompt_ceiling/words",))

    from istar.arms.settings import Caps
    from istar.protocol.config import SearchConfig, StageSize

    stage = StageSize(questions=arguments.questions, tasks=tasks)
    config = SearchConfig(
        target=arguments.target,
        methods=arguments.rounds,
        threads=arguments.threads,
        executor_seeds=arguments.executor_seeds,
        researcher_options={"warm_up": arguments.rounds},
        corpus_sequences=16,
        caps=Caps(rows_fraction=0.125, flops_fraction=0.25),
        validation=stage,
    )
    with tempfile.TemporaryDirectory() as scratch:
        result = compare(config, Path(scratch), arguments.rounds, arguments.literal_rounds)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    return 0 if result["same_rewards"] else 1


def compare(config: Any, scratch: Path, rounds: int, literal_rounds: int) -> dict[str, Any]:
    """Run both loops on the same proposals and return their times and rewards."""
    from istar.arms.sandboxed import SandboxArms
    from istar.protocol.setup import make_researcher, set_up
    from istar.researchers import Feedback
    from istar.rewards.formulas import REWARDS
    from istar.seeds import Seed
    from istar.storage import Store

    R = REWARDS.get(config.reward)
    torch.set_num_threads(config.threads)
    with set_up(config, ("validation",)) as setup:
        arms: SandboxArms = setup.arms
        arms.store = Store(scratch / "cache")
        tasks = setup.tables("validation")
        M1 = make_researcher(config)
        proposals = []
        for iteration in range(rounds):
            proposals.append(M1.propose(Seed.root(config.seed).split("researcher", iteration)))
            M1.update(proposals[-1], Feedback(0.0))
        with arms.worker(proposals[0].source, proposals[0].name) as worker:
            assert worker.target_id == setup.target.id  # waits until the target is loaded: not part of either loop

        searched, search_seconds = [], []
        for I in proposals:  # noqa: E741
            start = time.perf_counter()
            searched.append(search_round(arms, R, tasks, I))
            search_seconds.append(time.perf_counter() - start)

        literal, literal_seconds, worst = [], [], 0.0
        for I in proposals[:literal_rounds]:  # noqa: E741
            start = time.perf_counter()
            reward, error = literal_round(setup, R, tasks, I)
            literal_seconds.append(time.perf_counter() - start)
            literal.append(reward)
            worst = max(worst, error)
    later = search_seconds[1:] or search_seconds
    per_hour = {
        "search": 3600 / float(np.mean(later)),
        "search_first_round": 3600 / search_seconds[0],
        "literal": 3600 / float(np.mean(literal_seconds)),
    }
    return {
        "machine": describe_machine(),
        "tasks": {name: len(tables) for name, tables in tasks.items()},
        "executor_seeds": config.executor_seeds,
        "rounds": rounds,
        "methods": [proposal.name for proposal in proposals],
        "search_seconds": search_seconds,
        "literal_seconds": literal_seconds,
        "rounds_per_hour": per_hour,
        "times_faster": per_hour["search"] / per_hour["literal"],
        "rewards": searched,
        "same_rewards": searched[:literal_rounds] == literal,
        "largest_difference_of_rerun_rows": worst,
    }


def search_round(arms: Any, R: Any, tasks: Any, I: Any) -> float:  # noqa: E741
    """One round as the search makes it."""
    total_reward = 0.0
    with arms.session(I.source, I.name, I.parts) as session:
        session.interpret()
        for t in tasks.values():
            baseline = [curve for x in t for curve in arms.baseline(x).curves]
            interp = [curve for x in t for curve in session.evaluate(x).curves]
            total_reward += R.reward(baseline, interp)
    return total_reward / len(tasks)


def literal_round(setup: Any, R: Any, tasks: Any, I: Any) -> tuple[float, float]:  # noqa: E741
    """One round as the document's text has it; returns the reward and the largest difference of a row run again."""
    from istar.storage import Store

    arms, seeds, total_reward = setup.arms, range(setup.config.executor_seeds), 0.0
    kept = arms.store, arms.market
    arms.market = running_market(setup.target)
    with tempfile.TemporaryDirectory() as fresh:
        arms.store = Store(Path(fresh) / "interpretation")
        with arms.session(I.source, I.name, I.parts) as session:
            session.interpret()
            for t in tasks.values():
                baseline = [arms.replay_seed(x, None, seed, arms.state(x)) for x in t for seed in seeds]
                interp = []
                for x in t:
                    for seed in seeds:
                        arms.store = Store(Path(fresh) / str(seed))
                        interp.append(arms.replay_seed(x, session.record(x).recording, seed, arms.state(x)))
                total_reward += R.reward(baseline, interp)
    worst = arms.market.worst
    arms.store, arms.market = kept
    return total_reward / len(tasks), worst


def running_market(target: Any) -> Any:
    """Return a kind of market that runs every row it sells."""
    from istar.executors import Market

    class RunningMarket(Market):
        worst = 0.0

        def buy(self, rows: Any) -> Any:
            fresh = rows[~self.bought[rows]]
            computed = target.values([self.view.runs[row] for row in fresh]).numpy()
            values = super().buy(rows)
            if len(fresh):
                RunningMarket.worst = max(RunningMarket.worst, float(abs(computed - self.known_values[fresh]).max()))
            if RunningMarket.worst > TOLERANCE_NATS:
                raise SystemExit(f"a row run again differs from the truth by {RunningMarket.worst}")
            return values

    return RunningMarket


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    sys.exit(main())
