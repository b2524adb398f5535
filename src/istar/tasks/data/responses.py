"""Responses that come to an answer somewhere on the way: told step by step, all words drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

NAMES = ["Anna", "Peter", "Maria", "Thomas", "Laura", "Daniel", "Sarah", "Martin", "Julia", "David"]
COLOURS = ["red", "blue", "green", "white", "black", "yellow"]
THINGS = ["coin", "ring", "key", "ball", "letter", "stone", "watch", "book"]
ANIMALS = ["bird", "cat", "dog", "horse", "duck", "goat", "cow", "pig"]
PLACES = ["yard", "garden", "barn", "field", "park", "forest"]
DOINGS = ["sleeps", "eats", "runs", "drinks", "waits"]
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
IDLE = (
    "{name} waits.",
    "{name} thinks.",
    "{name} is tired.",
    "{name} drinks tea.",
    "It is raining.",
    "The sun is shining.",
    "Nobody speaks.",
)
"""Sentences that have nothing to do with any question."""

CONFIRMED = 0.5
"""How often a sentence after the answer confirms it."""


@dataclass(frozen=True)
class Response:
    """A question and a response to it.

    Attributes:
        sentences: the question, then the response; joined by spaces they are the text.
        stem: how a sentence begins that ends in the answer.
        answer: the answer in the end, one word.
        others: the other plausible answers.
        settled: which sentence states the final answer first.
    """

    sentences: tuple[str, ...]
    stem: str
    answer: str
    others: tuple[str, ...]
    settled: int


def _pick(generator: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(generator.integers(len(choices)))]


def tracking(generator: np.random.Generator, length: int) -> Response:
    """Return a search for a thing that lies in one of four boxes.

    Before it is found, other boxes may be opened; sometimes it lies in another box first. Then nothing changes, and
    now and then the find is confirmed.

    Args:
        generator: draws everything.
        length: the number of sentences of the response.
    """
    thing, name = _pick(generator, THINGS), _pick(generator, NAMES)
    answer, *others = (COLOURS[i] for i in generator.permutation(len(COLOURS))[:4])
    opened = generator.choice((0.0, 0.15, 0.3))
    moved = generator.random() < 0.15
    found = int(generator.integers(length - 1 - 2 * moved))
    stem = f"The {thing} is in the"
    sentences = [f"Where is the {thing}?"]
    for _ in range(found):
        idle = generator.random() >= opened
        sentences.append(_pick(generator, IDLE).format(name=name) if idle else f"{name} opens the {others[0]} box.")
    if moved:
        sentences += [f"{stem} {others[1]} box.", f"{name} moves it."]
    settled = len(sentences)
    sentences.append(f"{stem} {answer} box.")
    sentences += _rest(generator, name, sentences[-1], length + 1 - len(sentences))
    return Response(tuple(sentences), stem, answer, tuple(others), settled)


def counting(generator: np.random.Generator, length: int) -> Response:
    """Return a count of animals, aloud or one animal a sentence, of which the sum is stated and now and then confirmed.

    Sometimes the first count is wrong and one less is right.

    Args:
        generator: draws everything.
        length: the number of sentences of the response.
    """
    animal, name, place = (_pick(generator, choices) for choices in (ANIMALS, NAMES, PLACES))
    count = int(generator.integers(2, 5))
    stem = f"In the {place} there are"
    sentences = [f"How many {animal}s are in the {place}?"]
    aloud, wrong = generator.random() < 0.25, generator.random() < 0.1
    counted = count + wrong
    idle = int(generator.integers(length - 1 - 2 * wrong - (1 if aloud else counted)))
    sentences += [_pick(generator, IDLE).format(name=name) for _ in range(idle)]
    if aloud:
        sentences.append(f"{name} counts: {', '.join(NUMBERS[:counted])}.")
    else:
        sentences += [f"One {animal} {_pick(generator, DOINGS)}." for _ in range(counted)]
    if wrong:
        sentences += [f"{stem} {NUMBERS[counted - 1]} {animal}s.", "No, one is a fox."]
    settled = len(sentences)
    sentences.append(f"{stem} {NUMBERS[count - 1]} {animal}s.")
    sentences += _rest(generator, name, sentences[-1], length + 1 - len(sentences))
    near = sorted((n for n in range(1, len(NUMBERS) + 1) if n != count), key=lambda n: abs(n - count))[:3]
    return Response(tuple(sentences), stem, NUMBERS[count - 1], tuple(NUMBERS[n - 1] for n in near), settled)


def _rest(generator: np.random.Generator, name: str, statement: str, count: int) -> list[str]:
    """Return sentences that leave the answer as it is; some confirm it."""
    confirmed = f"Yes, {statement[0].lower()}{statement[1:]}"
    return [
        confirmed if generator.random() < CONFIRMED else _pick(generator, IDLE).format(name=name) for _ in range(count)
    ]


SHORTEST = 9
"""Sentences; a wrong count of five animals, one a sentence, its correction and a confirmation need as many."""

RESPONSES: dict[str, Callable[[np.random.Generator, int], Response]] = {"tracking": tracking, "counting": counting}
