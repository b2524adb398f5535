"""`python -m istar.making.organisms [NAME ...] [--out FOLDER]`: build organisms that are not built yet."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from istar.errors import IstarError
from istar.making.organisms.recipes import BEHAVIOURS, RECIPES
from istar.red_team.building import build, is_built
from istar.red_team.claims import claims
from istar.red_team.training import Progress
from istar.targets import load_target
from istar.targets.organisms.registry import FOLDER

BASE = "smollm2-135m"


def main(arguments: Sequence[str] | None = None) -> int:
    """Build organisms one after the other; return 1 if any misses a claim of its kind."""
    parser = argparse.ArgumentParser(prog="python -m istar.making.organisms", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="organisms to build; all of them if none is named")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the organisms")
    parser.add_argument("--dtype", default="bfloat16", help="type to train in; float32 where bfloat16 is slow")
    parser.add_argument("--force", action="store_true", help="build what is built already, too")
    chosen = parser.parse_args(arguments)
    try:
        recipes = [RECIPES.get(name) for name in chosen.names or (name for name, _ in BEHAVIOURS)]
        todo = [recipe for recipe in recipes if chosen.force or not is_built(recipe, chosen.out)]
        if not todo:
            return 0
        torch.set_num_threads(1)  # sums in another order give other bits
        base, trainee = load_target(BASE), load_target(BASE, dtype=chosen.dtype)
        held = True
        for recipe in todo:
            card = build(recipe, base, trainee, chosen.out, _progress(recipe.name))
            checked = claims(card)
            held &= all(claim.holds for claim in checked)
            lines = "\n".join(f"  {claim}" for claim in checked)
            sys.stdout.write(f"{recipe.name} ({card.kind}), {card.training['seconds']:.0f} s\n{lines}\n")
            sys.stdout.flush()
    except IstarError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0 if held else 1


def _progress(name: str) -> Progress:
    def show(step: int, loss: float) -> None:
        if step % 10 == 0:
            sys.stderr.write(f"{name}: step {step}, loss {loss:.3f} nats\n")
            sys.stderr.flush()

    return show


if __name__ == "__main__":
    sys.exit(main())
