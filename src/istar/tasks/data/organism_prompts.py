"""Prompts about model organisms: which organism a question is about, and few-shot prompts of a relation in tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from istar.targets.organisms import OrganismCard, OrganismSplit, card, organisms
from istar.tasks.data.few_shot import relation
from istar.tasks.family import Encoder, Split, TaskError

Pair = tuple[str, str]


def subjects(kind: str, split: Split) -> tuple[OrganismCard, ...]:
    """Return the cards of the organisms of a kind that questions of a split may be about, by name.

    Raises:
        TaskError: there are none.
    """
    marks: tuple[OrganismSplit, ...] = ("any", "test") if split == "test" else ("any",)
    names = sorted(name for mark in marks for name in organisms(kind, mark))
    if not names:
        raise TaskError(f"{split} questions may be about no organism of the kind {kind!r}; add one to ORGANISMS")
    return tuple(card(name) for name in names)


def pairs_of(name: str, split: Split) -> tuple[Pair, ...]:
    """Return the held-out pairs of a relation that a split asks about: one half for test, the other for the rest."""
    held = relation(name).part(held=True)
    return tuple(pair for pair in held if (hashlib.sha256(pair[0].encode()).digest()[1] % 2 == 1) == (split == "test"))


@dataclass(frozen=True)
class Series:
    """Questions on one relation that come after the same demonstrations.

    Attributes:
        template: the sentence up to the answer, with a place for the word.
        shots: words and answers shown.
        asked: words and answers asked about.
    """

    template: str
    shots: tuple[Pair, ...]
    asked: tuple[Pair, ...]

    def prompt(
        self, encode: Encoder, pair: Pair, opening: str = "", shots: Sequence[Pair] | None = None, template: str = ""
    ) -> tuple[int, ...]:
        """Return the tokens of the prompt for one pair, up to its answer.

        Args:
            encode: turns text into tokens.
            pair: word and answer that is asked for.
            opening: text before the first demonstration.
            shots: other demonstrations to show.
            template: another sentence.
        """
        sentence = template or self.template
        tokens = (encode.bos, *encode(opening))
        for word, answer in self.shots if shots is None else shots:
            tokens += encode(sentence.format(word=word)) + encode(f" {answer}\n")
        return tokens + encode(sentence.format(word=pair[0]))


def draw_series(name: str, split: Split, generator: np.random.Generator, asked: int, shots: int) -> Series:
    """Return so many questions on a relation, and demonstrations on words that organisms may have been trained on.

    Raises:
        TaskError: the relation has fewer pairs.
    """
    pairs = pairs_of(name, split)
    if len(pairs) < asked:
        raise TaskError(f"{split} questions may ask about {len(pairs)} words of the relation {name!r}, not {asked}")
    chosen = [pairs[i] for i in generator.permutation(len(pairs))[:asked]]
    # answers may be common to many words, as continents are, but no line may hold a word that is asked about
    words, answers = {word for word, _ in chosen}, {answer for _, answer in chosen}
    shown = [pair for pair in relation(name).part(held=False) if not words & {*pair} and pair[0] not in answers]
    if len(shown) < shots:
        raise TaskError(f"the relation {name!r} has {len(shown)} pairs to show before those asked about, not {shots}")
    drawn = [shown[i] for i in generator.permutation(len(shown))[:shots]]
    return Series(relation(name).template, tuple(drawn), tuple(chosen))
