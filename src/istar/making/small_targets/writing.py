"""Training a small target from its recipe and writing its folder."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from istar.making.small_targets.recipe import TargetRecipe
from istar.making.small_targets.training import Progress, fresh_llama, mean_loss, train
from istar.seeds import Seed
from istar.targets.embedded import MANIFEST
from istar.targets.hashing import weights_hash
from istar.targets.quiet import quiet_transformers

CARD = "card.json"
WEIGHTS_FILE = "model.safetensors"
LIBRARIES = ("torch", "transformers", "tokenizers", "numpy")


@dataclass(frozen=True)
class Card:
    """What is known about the committed weights of a small target.

    Attributes:
        name: what the target is called.
        source: what it was trained on.
        parameters: how many weights it has; tied ones count once.
        vocabulary: how many tokens it knows.
        stored: type of the weights on disk.
        seed: what decided first weights and rows.
        plan: steps, rows, learning rate and what else `TrainingPlan` says.
        training_tokens: how many predictions it learnt from, repetitions counted.
        seconds: how long the training took by the clock, whatever else the machine was doing.
        threads: on how many threads.
        processor: on what kind of processor.
        held_out_loss: nats a token on text it was not trained on, of the weights as stored, by source.
        measured: further facts, by name.
        weights_sha256: SHA-256 of the weights' file.
        versions: of Python and the libraries that took part.
    """

    name: str
    source: str
    parameters: int
    vocabulary: int
    stored: str
    seed: int
    plan: dict[str, Any]
    training_tokens: int
    seconds: float
    threads: int
    processor: str
    held_out_loss: dict[str, float]
    measured: dict[str, Any]
    weights_sha256: str
    versions: dict[str, str]


def make(recipe: TargetRecipe, folder: Path, seed: int = 0, progress: Progress | None = None) -> Card:
    """Train a small target, write its folder and return its card.

    Args:
        recipe: what is trained, and on what.
        folder: where configuration, weights, tokenizer, manifest and card go; made if need be.
        seed: decides first weights and rows.
        progress: called after each step.
    """
    root = Seed.root(seed).split(recipe.name)
    start = time.perf_counter()
    module = fresh_llama(recipe.config, root)
    tokens = train(module, recipe.draw, recipe.plan, root, progress)
    seconds = time.perf_counter() - start
    _write_model(recipe, module, folder)
    weights = (folder / WEIGHTS_FILE).read_bytes()
    card = Card(
        name=recipe.name,
        source=recipe.source,
        parameters=sum(weight.numel() for weight in module.parameters()),
        vocabulary=recipe.config.vocab_size,
        stored=str(recipe.stored).removeprefix("torch."),
        seed=seed,
        plan=asdict(recipe.plan),
        training_tokens=tokens,
        seconds=round(seconds, 1),
        threads=torch.get_num_threads(),
        processor=platform.machine(),
        held_out_loss={name: round(mean_loss(module, rows), 4) for name, rows in recipe.held_out.items()},
        measured={} if recipe.measure is None else dict(recipe.measure(module)),
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        versions={"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
    )
    _write_json(folder / CARD, asdict(card))
    return card


def _write_model(recipe: TargetRecipe, module: nn.Module, folder: Path) -> None:
    """Write the model as stored, and leave it in memory with the values that loading in float32 will give."""
    folder.mkdir(parents=True, exist_ok=True)
    with quiet_transformers():
        module.to(recipe.stored).save_pretrained(folder)  # type: ignore[operator]
        recipe.tokenizer.save_pretrained(folder)
    (folder / WEIGHTS_FILE).chmod(0o644)  # safetensors lets only the owner read it
    module.to(torch.float32)
    source = {"command": f"python -m istar.making.small_targets.train {recipe.name}"}
    _write_json(folder / MANIFEST, {"source": source, "weights_hash": weights_hash(module)})


def _write_json(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n")
