"""First names, and little scenes and stories about people who have them; all words drawn from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NAMES = (
    "Mary", "John", "Tom", "James", "Dan", "Mark", "Paul", "Anna", "Emma", "Jack", "Kate", "Peter", "Alice", "David",
    "Sarah", "Simon", "Laura", "Martin", "Jane", "Robert", "Lisa", "Michael", "Susan", "George", "Helen", "Henry",
    "Karen", "Frank", "Julia", "Daniel",
)  # fmt: skip
PLACES = ("store", "park", "school", "office", "station", "garden", "restaurant", "hospital", "library", "museum")
GIFTS = ("drink", "book", "ring", "letter", "key", "ball", "bag", "coat", "ticket", "present")
ANIMALS = ("dog", "cat", "bird", "horse", "cow", "goat")
FOOD = ("bread", "soup", "cheese", "apples", "rice", "cake", "fish", "eggs")
WEATHER = ("cold", "warm", "windy", "rainy", "dark", "bright")

EVENTS = (
    "When {one} and {two} went to the {place}, {two} gave a {gift} to",
    "After {one} and {two} left the {place}, {two} handed a {gift} to",
    "While {one} and {two} were at the {place}, {two} showed a {gift} to",
    "Then {one} and {two} had a long talk, and {two} passed the {gift} to",
    "{one} and {two} met at the {place}, where {two} brought a {gift} to",
)
"""Beginnings of sentences that end with the name of the first of two people."""

BEATS = (
    "It was a {weather} morning, and {one} walked to the {place}.",
    "{one} wanted to buy some {food} and a {gift}.",
    "On the way a {animal} followed {one} through the street.",
    "{two} was waiting near the {place} with a {gift}.",
    "They sat down and ate {food} together.",
    '"I lost my {gift}," said {two}, "and I cannot find it."',
    "{one} looked everywhere, but the {gift} was gone.",
    "An old woman told them that the {animal} had taken it.",
    "So {two} gave the {animal} some {food}.",
    "The {animal} ran back to the {place} and they ran after it.",
    "In the end {two} found the {gift} under a chair.",
    "{one} laughed, and then they all went home.",
)
"""Sentences of a story in the order in which they may be told."""


@dataclass(frozen=True)
class Event:
    """A sentence that the name of one of two people completes.

    Attributes:
        text: the sentence up to the name.
        answer: the name that completes it: of the person who was named once.
        other: the name of the other, who was named twice.
    """

    text: str
    answer: str
    other: str


def _pick(generator: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(generator.integers(len(choices)))]


def event(generator: np.random.Generator) -> Event:
    """Return a sentence about two people, one of whom gives something to the other."""
    one, two = (NAMES[i] for i in generator.permutation(len(NAMES))[:2])
    text = _pick(generator, EVENTS).format(
        one=one, two=two, place=_pick(generator, PLACES), gift=_pick(generator, GIFTS)
    )
    return Event(text, one, two)


def story(generator: np.random.Generator, sentences: int) -> str:
    """Return a story of some sentences about two people."""
    one, two = (NAMES[i] for i in generator.permutation(len(NAMES))[:2])
    words = {"one": one, "two": two, "weather": _pick(generator, WEATHER), "place": _pick(generator, PLACES)}
    words |= {"food": _pick(generator, FOOD), "gift": _pick(generator, GIFTS), "animal": _pick(generator, ANIMALS)}
    told = np.sort(generator.permutation(len(BEATS))[:sentences])
    return " ".join(BEATS[beat].format(**words) for beat in told)
