"""Builds organisms: trains an adapter, measures it, and puts both where the library finds them."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from istar.red_team.measure import Measurer
from istar.red_team.recipe import OrganismRecipe
from istar.red_team.training import Progress, train
from istar.targets import Target, TargetError
from istar.targets.organisms import Adapter, OrganismCard, read_card
from istar.targets.organisms.registry import CARD_FILE


def is_built(recipe: OrganismRecipe, folder: Path) -> bool:
    """Whether an organism's folder holds one that was made by this very recipe."""
    try:
        return bool(read_card(folder / recipe.name).spec.get("hash") == recipe.spec_hash)
    except TargetError:
        return False


def build(
    recipe: OrganismRecipe, base: Target, trainee: Target, folder: Path, progress: Progress | None = None
) -> OrganismCard:
    """Train and measure one organism, and write its adapter and card; return the card.

    Args:
        recipe: what to make.
        base: the target that it belongs to, in float32; it is measured on this one.
        trainee: the same model in the type to train in.
        folder: holds a folder for each organism.
        progress: called after each step of training.
    """
    trained = train(trainee, recipe.behaviour, recipe.training, progress)
    adapter = trained.adapter(recipe.training, base)
    card = Measurer(base).card(recipe, recipe.training, trained, adapter)
    write(card, adapter, folder / recipe.name)
    return card


def write(card: OrganismCard, adapter: Adapter, place: Path) -> None:
    """Write an organism's adapter and card to its folder.

    The card comes last and at once: an organism without one is built again.
    """
    place.mkdir(parents=True, exist_ok=True)
    adapter.save(place)
    scratch = place / f".{CARD_FILE}"
    scratch.write_text(json.dumps(asdict(card), indent=2) + "\n")
    os.replace(scratch, place / CARD_FILE)
