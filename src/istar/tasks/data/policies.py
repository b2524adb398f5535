"""Candidates for a changed policy: mild changes of the model, or of what it is told, at drawn strengths.

Steering along a contrast of two prompts is from Turner et al. (Steering language models with activation engineering,
2023).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from istar.questions import Composed, Intervention, LogitBias, Prune, Steer, Temperature
from istar.tasks.family import Encoder

PREFIXES = (
    "Answer briefly.\n",
    "Be sure of what you say.\n",
    "Say the first thing that comes to mind.\n",
    "Think of many possibilities.\n",
    "A simple text for children.\n",
    "Notes of an expert.\n",
    "Speak plainly and give one clear answer.\n",
    "Lines from a poem.\n",
    "Everyday English.\n",
    "Be creative.\n",
)
CONTRASTS = (
    ("I am sure", "I am not sure"),
    ("Yes", "No"),
    ("In short", "At great length"),
    ("A child says", "A scholar says"),
    ("Good news", "Bad news"),
    ("Do this", "Maybe this"),
    ("A list of facts", "A strange dream"),
    ("One", "Many"),
)
DEPTHS = (0.25, 0.5, 0.75)
WORDS = (
    (" the", " a", " an"),
    (" and", " or", " but"),
    (".", ",", "\n"),
    (" I", " you", " we", " it"),
    (" to", " of", " in", " for"),
    (" good", " little", " new", " long"),
    (" water", " hand", " house", " time"),
    (" You", " Try", " Take", " Put"),
)
KINDS = ("none", "temperature", "bias", "steering", "pruning", "two at once", "prefix")


@dataclass(frozen=True)
class Candidate:
    """One candidate for M'.

    Attributes:
        kind: place in `KINDS`.
        choice: which of its kind: the contrast, the words, the instruction.
        strength: how strong it is, with a sign where there are two ways; 0 leaves the model as it is.
        change: what is done to the model.
        prefix: text before the prompt.
    """

    kind: int
    choice: int = 0
    strength: float = 0.0
    change: Intervention | None = None
    prefix: str = ""


def candidates(counts: Sequence[int], encode: Encoder, generator: np.random.Generator) -> list[Candidate]:
    """Return candidates at drawn strengths, the unchanged model first.

    How many of them are temperatures is drawn, because where one fits, hardly anything else is better.

    Args:
        counts: the number of candidates of each of `KINDS` after the first; of temperatures the greatest number, and
            what is not drawn of them becomes steering.
        encode: turns text into tokens.
        generator: draws what they are and how strong.
    """
    temperatures, biases, steerings, pruned, both, prefixes = counts
    plain = int(generator.integers(temperatures, endpoint=True))
    found = [Candidate(0)]
    found += [Candidate(1, 0, *_temperature(generator)) for _ in range(plain)]
    for _ in range(biases):
        choice, bias = _one_of(WORDS, generator), _signed(0.1, 2.0, generator)
        tokens = dict.fromkeys(token for word in WORDS[choice] for token in encode(word))
        found.append(Candidate(2, choice, bias, LogitBias(tuple(tokens), bias)))
    found += [Candidate(3, *_steering(encode, generator)) for _ in range(steerings + temperatures - plain)]
    for _ in range(pruned):
        share = _sized(0.01, 0.2, generator)
        found.append(Candidate(4, 0, share, Prune(share)))
    for _ in range(both):
        strength, temperature = _temperature(generator)
        choice, _scale, steering = _steering(encode, generator)
        found.append(Candidate(5, choice, strength, Composed((temperature, steering))))
    chosen = generator.permutation(len(PREFIXES))[:prefixes].tolist()
    return found + [Candidate(6, choice, 1.0, None, PREFIXES[choice]) for choice in chosen]


def _one_of(options: Sequence[object], generator: np.random.Generator) -> int:
    return int(generator.integers(len(options)))


def _sized(low: float, high: float, generator: np.random.Generator) -> float:
    """Return a strength, drawn log-uniformly."""
    return math.exp(generator.uniform(math.log(low), math.log(high)))


def _signed(low: float, high: float, generator: np.random.Generator) -> float:
    return _sized(low, high, generator) * (1 if generator.random() < 0.5 else -1)


def _temperature(generator: np.random.Generator) -> tuple[float, Temperature]:
    """Return a temperature, its logarithm first."""
    value = _sized(0.7, 1.4, generator)
    return math.log(value), Temperature(value)


def _steering(encode: Encoder, generator: np.random.Generator) -> tuple[int, float, Steer]:
    """Return which contrast, its scale, and steering along it."""
    choice, scale = _one_of(CONTRASTS, generator), _signed(0.02, 0.5, generator)
    towards, away = ((encode.bos, *encode(text)) for text in CONTRASTS[choice])
    return choice, scale, Steer(towards, away, scale, DEPTHS[_one_of(DEPTHS, generator)])
