"""Prompts about model organisms: which organism a question is about, and few-shot prompts of a relation in tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from istar.targets.organisms import OrganismCard, card, organisms
from istar.tasks.data.few_shot import relation
from istar.tasks.family import Encoder, TaskError

Pair = tuple[str, str]


def subjects(kind: str, *, reserved: bool = False) -> tuple[OrganismCard, ...]:
    """Return the cards of the organisms of a kind that questions may be about, by name.

    Args:
        kind: the kind.
        reserved: for families that began as a sealed test: reserved organisms too.

    Raises:
        TaskError: there are none.
    """
    names = organisms(kind, None if reserved else False)
    if not names:
        raise TaskError(f"these questions may be about no organism of the kind {kind!r}; add one to ORGANISMS")
    return tuple(card(name) for name in sorted(names))


def pairs_of(name: str, *, reserved: bool = False) -> tuple[Pair, ...]:
    """Return the held-out pairs of a relation: one half for families that began as a sealed test, or the other one."""
    held = relation(name).part(held=True)
    return tuple(pair for pair in held if (hashlib.sha256(pair[0].encode()).digest()[1] % 2 == 1) == reserved)


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


def draw_series(name: str, generator: np.random.Generator, asked: int, shots: int, *, reserved: bool = False) -> Series:
    """Return questions on a relation, and demonstrations on words that organisms may have been trained on.

    Args:
        name: the relation.
        generator: draws them.
        asked: how many questions.
        shots: how many demonstrations.
        reserved: which half of the held-out pairs is asked about; see `pairs_of`.

    Raises:
        TaskError: the relation has fewer pairs.
    """
    pairs = pairs_of(name, reserved=reserved)
    if len(pairs) < asked:
        raise TaskError(f"these questions may ask about {len(pairs)} words of the relation {name!r}, not {asked}")
    chosen = [pairs[i] for i in generator.permutation(len(pairs))[:asked]]
    # answers may be common to many words, as continents are, but no line may hold a word that is asked about
    words, answers = {word for word, _ in chosen}, {answer for _, answer in chosen}
    shown = [pair for pair in relation(name).part(held=False) if not words & {*pair} and pair[0] not in answers]
    if len(shown) < shots:
        raise TaskError(f"the relation {name!r} has {len(shown)} pairs to show before those asked about, not {shots}")
    drawn = [shown[i] for i in generator.permutation(len(shown))[:shots]]
    return Series(relation(name).template, tuple(drawn), tuple(chosen))
