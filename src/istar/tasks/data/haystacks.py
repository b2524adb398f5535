"""Haystacks: long stretches of filler text, and needles to hide in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from istar.tasks.data.passages import verses
from istar.tasks.data.reviews import held_out_reviews

PEOPLE = """
Anna Peter Maria Thomas Laura Daniel Sarah Martin Julia David Helen Simon Emma Victor Clara Oscar Nora Felix Alice
Hugo Irene Walter Sophie Arthur
"""
WORDS = """
violet tiger copper window thunder pepper marble river candle forest silver rabbit lemon castle winter rocket garden
anchor purple honey mirror dragon velvet orange
"""
CITIES = """
London Paris Rome Berlin Madrid Vienna Athens Moscow Tokyo Cairo Delhi Boston Chicago Dublin Oslo Prague Lisbon Dallas
Toronto Sydney Venice Geneva Seattle Houston
"""

LEAST, MOST = 20, 120
"""Characters of a sentence of filler; depths have to lie further apart than sentences are long."""
RUNNING = 4
"""How many verses of filler follow one another."""


@dataclass(frozen=True)
class Haystack:
    """What a data set hides where.

    Attributes:
        filler: yields sentences for ever, in the order drawn.
        needle: the hidden sentence; `{who}` and `{what}` are filled in.
        answers: what `{what}` may be.
        queries: phrasings of the query, up to the answer.
    """

    filler: Callable[[np.random.Generator], Iterator[str]]
    needle: str
    answers: tuple[str, ...]
    queries: tuple[str, ...]


def review_sentences(generator: np.random.Generator) -> Iterator[str]:
    """Yield the sentences of short film reviews, review after review, the long sentences left out."""
    known = held_out_reviews()
    while True:
        for sentence in known[int(generator.integers(len(known)))].sentences:
            if LEAST <= len(sentence) <= MOST:
                yield sentence


def scripture_sentences(generator: np.random.Generator) -> Iterator[str]:
    """Yield little-known verses, a few running from each drawn place, the long verses left out."""
    known = _little_known()
    while True:
        start = int(generator.integers(len(known) - RUNNING))
        yield from known[start : start + RUNNING]


@cache
def _little_known() -> tuple[str, ...]:
    return tuple(verse.text for verse in verses() if not verse.famous and LEAST <= len(verse.text) <= MOST)


HAYSTACKS = {
    "reviews": Haystack(
        review_sentences,
        "The secret word of {who} is {what}.",
        tuple(WORDS.split()),
        (
            "\nQuestion: What is the secret word of {who}?\nAnswer: The secret word of {who} is",
            "\nAs said above, the secret word of {who} is",
            "\nRemember that the secret word of {who} is",
        ),
    ),
    "scripture": Haystack(
        scripture_sentences,
        "The house of {who} stands in {what}.",
        tuple(CITIES.split()),
        (
            "\nQuestion: Where does the house of {who} stand?\nAnswer: The house of {who} stands in",
            "\nAs told above, {who} lives in",
            "\nThe house of {who} can be found in",
        ),
    ),
}
"""By data set."""
