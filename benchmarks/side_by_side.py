"""Methods per hour with recordings of side by side methods put together and without, on the same sentences.

    python benchmarks/side_by_side.py [--target smollm2-135m] [--methods 24] [--task TASK] [--output FILE]

A researcher proposes sentences; each is recorded on the same questions twice, one after the other: by a session that
puts together what it can, and by one that runs every file whole. Both start with nothing recorded, so the first pays
for every word that it meets, and both share a shelf of standard runs. Replays of the executor and the start of the jail
are left out of both. What is recorded must be the same to the last bit, seconds apart.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from machine import describe_machine

if TYPE_CHECKING:
    from istar.methods.side_by_side import Part

WORDS = ("activation_difference", "attention_gates", "attribution_patching", "direct_logit_attribution",
         "gradient_activation", "gradient_influence")  # fmt: skip
"""Those of the published search."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default="smollm2-135m")
    parser.add_argument("--task", action="append", help="of the training split; may be repeated")
    parser.add_argument("--questions", type=int, default=1)
    parser.add_argument("--methods", type=int, default=24)
    parser.add_argument("--researcher", default="random")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--flops", type=float, default=0.2, help="share of brute force after which a method ends")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "side_by_side.json")
    arguments = parser.parse_args()

    from istar.arms.settings import Caps
    from istar.protocol.config import SearchConfig, StageSize

    config = SearchConfig(
        target=arguments.target,
        threads=arguments.threads,
        researcher=arguments.researcher,
        researcher_options={"words": list(WORDS)},
        caps=Caps(flops_fraction=arguments.flops),
        train=StageSize(
            questions=arguments.questions,
            tasks=tuple(arguments.task or ("shot_shapley/antonyms", "context_attribution/facts-subsets")),
        ),
    )
    with tempfile.TemporaryDirectory() as scratch:
        result = compare(config, arguments.methods, Path(scratch))
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 0 if result["same_recordings"] else 1


def compare(config: Any, count: int, scratch: Path) -> dict[str, Any]:
    """Record the sentences in both ways; return times and whether what was recorded is the same."""
    from istar.methods.library import library_methods
    from istar.protocol.setup import make_researcher, set_up
    from istar.researchers import Feedback
    from istar.seeds import Seed
    from istar.storage import Store

    researcher, rows, same = make_researcher(config), [], True
    with set_up(config, ("train",)) as setup:
        tables = [table for each in setup.tables("train").values() for table in each]

        def recorded(source: str, name: str, parts: Sequence[Part] = (), *, whole: bool) -> tuple[list[Any], float]:
            setup.arms.store = Store(scratch / ("whole" if whole else "together"))
            with setup.arms.session(source, name, () if whole else parts) as session:
                start = time.perf_counter()
                session.interpret()
                found = [session.record(table).recording for table in tables]
                return found, time.perf_counter() - start

        recorded(library_methods()["noise"].read_text(), "noise", whole=True)  # waits for the jail
        for number in range(count):
            proposal = researcher.propose(Seed.root(config.seed).split("researcher", number))
            researcher.update(proposal, Feedback(0.0))
            together, fast = recorded(proposal.source, proposal.name, proposal.parts, whole=False)
            apart, slow = recorded(proposal.source, proposal.name, proposal.parts, whole=True)
            same &= all(
                replace(one, seconds=0.0).to_bytes() == replace(other, seconds=0.0).to_bytes()
                for one, other in zip(together, apart, strict=True)
            )
            rows.append({"method": proposal.name, "whole": slow, "together": fast})
            print(rows[-1], flush=True)
    half = rows[len(rows) // 2 :]
    return {
        "target": config.target,
        "tasks": list(config.train.tasks),
        "questions": config.train.questions,
        "researcher": config.researcher,
        "machine": describe_machine(),
        "ratio": ratio(rows),
        "ratio_in_the_second_half": ratio(half),
        "same_recordings": same,
        "seconds": rows,
    }


def ratio(rows: list[dict[str, Any]]) -> float:
    """Return how many times more methods an hour are recorded."""
    return sum(row["whole"] for row in rows) / sum(row["together"] for row in rows)


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
