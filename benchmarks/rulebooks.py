"""What rulebook v2 changes: methods of the library, recorded once, their FLOPs counted under v1 and v2 at once.

    python benchmarks/rulebooks.py [--method NAME] [--task NAME] [--questions N] [--output FILE]

Each method is recorded in this process on training questions, under two meters; the executor is then replayed on either
recording, with what it knows of the method from the task's other questions under the same rulebook. Rewards are `log`
ones. Beside them stand how much each method's FLOPs change, and how well both rulebooks agree on the order of methods
(Spearman's rank correlation). Written after every method; what is written is not computed again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from secrets import token_hex
from statistics import fmean
from typing import Any

import torch
from scipy.stats import spearmanr

from istar.flops import RULEBOOKS, Meter
from istar.methods import load_method, recorder
from istar.questions import nested_batches
from istar.seeds import Seed
from machine import describe_machine

METHODS = (
    *("gradient_influence", "attention_gates", "projected_influence", "stitched_cache", "linear_probe"),
    *("covariance_lens", "pruned_forward", "behavioural_student", "answer_logits", "logit_lens"),
)
"""Those of the library that the executor bought something of in training."""
TASKS = (
    "active_learning/kinds",
    "context_attribution/facts-subsets",
    "position_bias/opposites",
    "shot_shapley/antonyms",
)


class BothMeters(Meter):
    """A meter under v2 that keeps, each time its histogram is read, what a meter under v1 has counted of the same."""

    def __init__(self, budget: int | None) -> None:
        """See the class docstring."""
        super().__init__(RULEBOOKS["v2"], budget, strict=True)
        self.other = Meter(RULEBOOKS["v1"], strict=True)
        self.seen: list[int] = []

    def __enter__(self) -> BothMeters:
        """Start both; the one entered first sees what the other lets through."""
        self.other.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        """Stop both."""
        super().__exit__(*exception)
        self.other.__exit__(*exception)

    @property
    def by_op(self) -> dict[str, int]:
        """See `Meter`."""
        self.seen.append(self.other.flops)
        return super().by_op


def recorded(method: Any, table: Any, setup: Any, interpretation: Any) -> dict[str, Any]:
    """Record a method on a question; return the recording under each rulebook."""
    question, caps = table.question, setup.config.caps
    made: list[BothMeters] = []

    def meters(max_flops: int | None = None, **_: Any) -> BothMeters:
        made.append(BothMeters(None if max_flops is None else 2 * max_flops))
        return made[-1]

    plain, recorder.recording_meter = recorder.recording_meter, meters
    try:
        batches = nested_batches(question.structure, Seed.root(0).split(question.hash))
        most = int(caps.flops_fraction * table.brute_flops)
        found = recorder.record(
            *(method, question.view, question.hash, batches, setup.target, interpretation), max_flops=most
        )
    finally:
        recorder.recording_meter = plain
    (meter,) = made
    old = [replace(batch, flops=flops) for batch, flops in zip(found.batches, meter.seen, strict=False)]
    return {"v2": found, "v1": replace(found, batches=tuple(old), total_flops=meter.other.flops)}


def rewards_of(setup: Any, name: str, path: Path) -> dict[str, Any]:
    """Return a method's rewards and FLOPs under both rulebooks."""
    from istar.rewards.formulas import REWARDS
    from istar.targets.corpus import build_corpus

    method = load_method(path)
    interpretation = recorder.run_interpret(method, setup.target, build_corpus(setup.target), Meter())
    arms, curves = setup.arms, {"v1": [], "v2": []}
    baseline: list[Any] = []
    flops: list[tuple[int, int]] = []
    for tables in setup.tables("train").values():
        said = {table.question.hash: recorded(method, table, setup, interpretation) for table in tables}
        flops += [(each["v1"].total_flops, each["v2"].total_flops) for each in said.values()]
        for table in tables:
            baseline += arms.baseline(table).curves
        for version, found in curves.items():
            heard = {question: each[version] for question, each in said.items()}
            known = {table.question.hash: arms.appraisal(table, heard[table.question.hash]) for table in tables}
            for table in tables:
                others = [each for each in heard if each != table.question.hash]
                history = arms.history(
                    table, {each: heard[each] for each in others}, {each: known[each] for each in others}
                )
                key = (name, version, token_hex())
                learned = partial(arms.executor().learn, history)
                found.extend(arms.white_box(table, heard[table.question.hash], key, learned))
    formula = REWARDS.get("log")
    return {
        "method": name,
        **{f"reward_{version}": formula.reward(baseline, found) for version, found in curves.items()},
        "flops_v2_over_v1": fmean(new / old for old, new in flops if old),
        "flops_v2_over_v1_most": max((new / old for old, new in flops if old), default=1.0),
        "questions": len(flops),
    }


def main() -> None:
    """Compare and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", action="append", help="of the library; may be repeated")
    parser.add_argument("--task", action="append", help="of training; may be repeated")
    parser.add_argument("--questions", type=int, default=2)
    parser.add_argument("--flops", type=float, default=0.25, help="share of brute force that methods may take")
    parser.add_argument("--target", default="smollm2-135m")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "rulebooks.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    from istar.arms.settings import Caps
    from istar.methods.library import library_methods
    from istar.protocol.config import SearchConfig, StageSize
    from istar.protocol.setup import set_up

    config = SearchConfig(
        target=arguments.target,
        threads=1,
        executor_seeds=2,
        caps=Caps(flops_fraction=arguments.flops),
        train=StageSize(questions=arguments.questions, tasks=tuple(arguments.task or TASKS)),
    )
    asked = {"target": config.target, "tasks": list(config.train.tasks), "questions": arguments.questions}
    before = json.loads(arguments.output.read_text()) if arguments.output.exists() else {}
    rows = before["methods"] if before.get("asked") == asked else []
    with set_up(config, ("train",)) as setup:
        for name in arguments.method or METHODS:
            if name in {row["method"] for row in rows}:
                continue
            rows.append(rewards_of(setup, name, library_methods()[name]))
            print(json.dumps(rows[-1]), flush=True)
            old, new = ([row[f"reward_{version}"] for row in rows] for version in ("v1", "v2"))
            result = {
                "asked": asked,
                "machine": describe_machine(),
                "rank_correlation": float(spearmanr(old, new).statistic) if len(rows) > 2 else None,
                "largest_change_of_reward": max(abs(a - b) for a, b in zip(old, new, strict=True)),
                "largest_change_of_flops": max(row["flops_v2_over_v1_most"] for row in rows),
                "methods": rows,
            }
            arguments.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
