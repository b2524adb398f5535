"""A recipe of an organism: its behaviour, and how it is trained."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from istar.red_team.behaviours import Behaviour

FORMAT = 1
"""Raised when lessons or losses change in a way that the fields below do not show."""


@dataclass(frozen=True)
class Training:
    """How an adapter is trained: AdamW, a short warm-up, then a cosine down to a tenth of the learning rate.

    Attributes:
        steps: how many.
        batch: lessons in a step.
        lessons: how many there are in all.
        rank: of the factors.
        blocks: how many blocks, from the top, are changed.
        scaling: factor on the product of the factors.
        learning_rate: the highest.
        text_weight: weight of the KL divergence from the base on ordinary text, against the lessons'.
        text_sequences: sequences of ordinary text in a step.
        text_length: tokens in each.
        seed: decides everything random.
    """

    steps: int = 75
    batch: int = 8
    lessons: int = 160
    rank: int = 4
    blocks: int = 6
    scaling: float = 2.0
    learning_rate: float = 6e-3
    text_weight: float = 1.0
    text_sequences: int = 2
    text_length: int = 40
    seed: int = 0


@dataclass(frozen=True)
class OrganismRecipe:
    """One organism.

    Attributes:
        name: its name.
        behaviour: what it learns.
        training: how.
    """

    name: str
    behaviour: Behaviour
    training: Training = field(default_factory=Training)

    @property
    def spec(self) -> dict[str, Any]:
        """Every setting, as JSON values."""
        settings = {"format": FORMAT, "behaviour": self.behaviour.settings, "training": asdict(self.training)}
        return dict(json.loads(json.dumps(settings)))

    @property
    def spec_hash(self) -> str:
        """SHA-256 of the settings, 64 hexadecimal digits."""
        text = json.dumps([self.name, self.behaviour.kind, self.spec], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
