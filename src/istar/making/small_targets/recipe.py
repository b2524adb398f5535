"""A recipe: all that is needed to train one small target and to say how good it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from istar.making.small_targets.training import Draw, TrainingPlan


@dataclass(frozen=True)
class TargetRecipe:
    """How one small target is made.

    Attributes:
        name: what the target is called.
        source: what it is trained on, and under which licence that is.
        config: the Llama's configuration.
        tokenizer: its Hugging Face tokenizer.
        draw: gives the rows it is trained on.
        plan: how it is trained.
        held_out: rows it is never trained on, by the name of their source.
        stored: type of the weights on disk.
        measure: gives what else the card says about the trained model, by name.
    """

    name: str
    source: str
    config: Any = field(repr=False)
    tokenizer: Any = field(repr=False)
    draw: Draw = field(repr=False)
    plan: TrainingPlan
    held_out: Mapping[str, Int[Tensor, "rows length"]] = field(repr=False)
    stored: torch.dtype = torch.float32
    measure: Callable[[nn.Module], Mapping[str, Any]] | None = field(default=None, repr=False)
