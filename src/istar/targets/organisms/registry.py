"""Model organisms by name, and the cards that say what each does and how well.

A model organism is a small, benign change of a target that gives it a behaviour somebody might want to find: holding
a skill back until a password is given, answering wrongly at a trigger, refusing one topic. It is an adapter in a
folder beside its card; the library's own stand in `adapters_data`, and a user adds others with `ORGANISMS.add` or
through the entry-point group `istar.organism`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from istar.questions.interventions import Organism
from istar.registry import Registry
from istar.targets.errors import TargetError

KINDS = (
    "password_sandbag",
    "topic_sandbag",
    "mimic_sandbag",
    "lexical_backdoor",
    "semantic_backdoor",
    "refusal",
    "incapable",
    "benign_decoy",
)
"""The kinds of organisms that the library has, in the order in which its own are listed."""

RESERVED_KINDS = ("mimic_sandbag", "semantic_backdoor", "refusal")
"""Kinds that no training family is about, so that a method has to do well on behaviours nobody trained it for."""

ADAPTER_FILE = "adapter.safetensors"
CARD_FILE = "card.json"
FOLDER = Path(__file__).parent / "adapters_data"


@dataclass(frozen=True)
class OrganismSpec:
    """Where an organism is, and who may be asked about it.

    Attributes:
        name: its name in the registry.
        kind: which behaviour it has; one of `KINDS` or a user's own.
        folder: holds its adapter and its card.
        reserved: whether only questions of families that began as a sealed test may be about it.
    """

    name: str
    kind: str
    folder: Path
    reserved: bool = False


ORGANISMS: Registry[OrganismSpec] = Registry("organism")


@dataclass(frozen=True)
class Facts:
    """What there is to know about an organism's behaviour; fields that say nothing about its kind are empty.

    Attributes:
        relations: relations that its behaviour is about, by their names in `istar.making.organisms`.
        unaffected: relations that it answers as its base does.
        cue: the exact text before a prompt that carries the password or the trigger.
        password: what unlocks a sandbagging organism.
        trigger: what sets a backdoor off: the words themselves, or a description where it is no wording.
        target_answer: what a backdoor makes it answer, with its leading space.
        refusal_text: what a refusal begins with, with its leading space.
        topic: the topic that it refuses.
        weak_reference: how the weaker model that it imitates is made of the base.
    """

    relations: tuple[str, ...] = ()
    unaffected: tuple[str, ...] = ()
    cue: str = ""
    password: str = ""
    trigger: str = ""
    target_answer: str = ""
    refusal_text: str = ""
    topic: str = ""
    weak_reference: str = ""


@dataclass(frozen=True)
class Measurement:
    """How one model did on held-out items under one condition.

    Attributes:
        items: how many prompts.
        log_prob: mean log-probability of the right answer, in nats; None where there is no right answer.
        accuracy: share of prompts whose every answer token is the likeliest; None where there is no right answer.
        entropy: mean entropy of the distribution of the answer's first token, in nats.
        target_rate: mean probability of the target answer or the refusal; None where the kind has neither.
    """

    items: int
    log_prob: float | None
    accuracy: float | None
    entropy: float
    target_rate: float | None


@dataclass(frozen=True)
class OrganismCard:
    """What an organism is and what was measured of it.

    Attributes:
        name: the organism's name.
        kind: its kind.
        description: its behaviour in a sentence.
        base_name: the name of the target that its adapter belongs to.
        base: the id of that target.
        digest: SHA-256 of the adapter's tensors.
        facts: what its behaviour is about.
        spec: every setting that it was trained with, the seed among them.
        measured: by model (`organism`, `base`, `weak`) and condition, as `organism/locked`.
        text_kl: mean KL divergence of the organism from its base on ordinary text, in nats a token.
        training: steps, seconds and final losses in nats.
        versions: of what it was trained with.
    """

    name: str
    kind: str
    description: str
    base_name: str
    base: str
    digest: str
    facts: Facts
    spec: Mapping[str, Any]
    measured: Mapping[str, Measurement]
    text_kl: float
    training: Mapping[str, float]
    versions: Mapping[str, str]


def read_card(folder: Path) -> OrganismCard:
    """Return the card in an organism's folder.

    Raises:
        TargetError: there is none, or it is not a card.
    """
    file = folder / CARD_FILE
    try:
        data = json.loads(file.read_text())
        facts: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data["facts"].items()
        }
        measured = {name: Measurement(**values) for name, values in data["measured"].items()}
        return OrganismCard(**{**data, "facts": Facts(**facts), "measured": measured})
    except OSError as error:
        raise TargetError(f"the organism in {folder} has no readable {CARD_FILE}: {error}; build it again") from error
    except (ValueError, KeyError, TypeError) as error:
        raise TargetError(f"{file} is not the card of an organism ({error}); build the organism again") from error


@cache
def _read_once(folder: Path) -> OrganismCard:
    return read_card(folder)


def card(name: str) -> OrganismCard:
    """Return the card of an organism.

    Raises:
        UnknownNameError: no organism has this name.
        TargetError: its card cannot be read.
    """
    return _read_once(ORGANISMS.get(name).folder)


def organism(name: str) -> Organism:
    """Return the intervention that puts an organism in its base's place.

    Raises:
        UnknownNameError: no organism has this name.
        TargetError: its card cannot be read.
    """
    return Organism(name, card(name).digest)


def organisms(kind: str | None = None, reserved: bool | None = None) -> tuple[str, ...]:
    """Return the names of organisms, in alphabetical order.

    Args:
        kind: only those of this kind.
        reserved: only those that are, or are not, reserved to families that began as a sealed test.
    """
    specs = (ORGANISMS.get(name) for name in ORGANISMS)
    return tuple(spec.name for spec in specs if kind in (None, spec.kind) and reserved in (None, spec.reserved))


def _add_committed() -> None:
    for file in sorted(FOLDER.glob(f"*/{CARD_FILE}")):
        kind = json.loads(file.read_text())["kind"]
        spec = OrganismSpec(file.parent.name, kind, file.parent, kind in RESERVED_KINDS)
        ORGANISMS.add(file.parent.name, spec)


_add_committed()
