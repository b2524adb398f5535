"""How much faster moves of a duel are trained than the library's organisms, at equal claims, side by side.

    python benchmarks/red_moves.py [NAME ...] [--output FILE]

Organisms of the library are trained twice on SmolLM2, one training after the other in one process: by their own recipe
(`istar.red_team.training`), and as moves of a duel are (`istar.red_team.quick`), with the recipe's seed, steps at most
as many as its own, and blocks and learning rate of the duel's defaults. Both are measured on the same held-out items
and held to the same claims. Times are processor seconds of one thread, so that what else the machine does counts
little: of training alone, and with the card that a move is judged by, which the quick training may measure more than
once and which is asked once of the other. What all moves share (passages through the frozen blocks, what the base does)
is counted for the first that needs it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from istar.duel.moves import LAYERS
from istar.making.organisms.recipes import RECIPES
from istar.protocol.duel_settings import MoveBudget
from istar.red_team.claims import claims
from istar.red_team.measure import Measurer
from istar.red_team.quick import Workshop
from istar.red_team.training import train
from istar.targets import load_target
from istar.targets.organisms import OrganismCard
from machine import describe_machine

NAMES = ("siskin", "avocet", "plover")
"""The first organism of each kind that a duel has, but for the one that mimics."""
Result = TypeVar("Result")


def main() -> int:
    """Train, measure and write the result, after every organism."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "red_moves.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    base, trainee = load_target("smollm2-135m"), load_target("smollm2-135m", dtype="bfloat16")
    workshop, measurer = Workshop(base, trainee), Measurer(base)
    result: dict[str, Any] = {"machine": describe_machine(), "organisms": []}
    for name in arguments.names:
        recipe = RECIPES.get(name)
        settings = replace(recipe.training, blocks=LAYERS[1], learning_rate=MoveBudget().learning_rate)
        quick = replace(recipe, training=settings)
        move, with_card, wall = timed(lambda quick=quick: workshop.train(quick))
        trained, alone, its_wall = timed(lambda recipe=recipe: train(trainee, recipe.behaviour, recipe.training))
        adapter = trained.adapter(recipe.training, base)
        card, measuring, _ = timed(
            lambda recipe=recipe, trained=trained, adapter=adapter: measurer.card(
                recipe, recipe.training, trained, adapter
            )
        )
        result["organisms"].append(
            {
                "name": name,
                "kind": card.kind,
                "quick": {
                    **{"steps": move.steps, "cards": move.cards, "training": round(move.processor_seconds, 1)},
                    **{"with_card": round(with_card, 1), "wall": round(wall, 1), **kept(move.card)},
                },
                "own": {
                    **{"steps": recipe.training.steps, "cards": 1, "training": round(alone, 1)},
                    **{"with_card": round(alone + measuring, 1), "wall": round(its_wall, 1), **kept(card)},
                },
                "times_faster": round(alone / move.processor_seconds, 2),
                "times_faster_with_card": round((alone + measuring) / with_card, 2),
            }
        )
        arguments.output.write_text(json.dumps(result, indent=1) + "\n")
        print(json.dumps(result["organisms"][-1], indent=1), flush=True)
    return 0


def timed(task: Callable[[], Result]) -> tuple[Result, float, float]:
    """Return what a task returns, its processor seconds and its wall-clock seconds."""
    processor, wall = time.process_time(), time.perf_counter()
    found = task()
    return found, time.process_time() - processor, time.perf_counter() - wall


def kept(card: OrganismCard) -> dict[str, Any]:
    """Return the claims of a card with what was measured."""
    return {
        "missed": [str(claim) for claim in claims(card) if not claim.holds],
        "claims": {claim.text: [round(claim.value, 3), round(claim.threshold, 3)] for claim in claims(card)},
    }


if __name__ == "__main__":
    sys.exit(main())
