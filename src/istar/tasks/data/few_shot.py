"""Relations as few-shot prompts that the embedded target answers well, and which words are held out.

A prompt is a few sentences with their answers and one without. In this form the embedded target has the right answer
in 60% to 100% of all cases, where the bare `word -> answer` has 30% to 70%.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from istar.tasks.data.places import countries
from istar.tasks.data.words import operations, opposites
from istar.tasks.family import TaskError

SHOTS = 3
LONGEST_NAME = 9
"""Letters; longer names of countries and capitals are too many tokens, and too little known."""

ARROW = "{word} ->"
"""The bare form, for prompts that look unlike those an organism was trained on."""


@dataclass(frozen=True)
class Sentence:
    """A relation, and the sentence it is asked with.

    Attributes:
        name: what the answer is called.
        template: the sentence up to the answer, with a place for the word.
        pairs: words and answers.
    """

    name: str
    template: str
    pairs: tuple[tuple[str, str], ...]

    def part(self, held: bool) -> tuple[tuple[str, str], ...]:
        """Return the pairs that are held out, or those that organisms are trained on.

        A pair whose word is trained on and whose answer is a held-out word belongs to neither, since it would give
        the held-out pair away.
        """
        words = {word for word, _ in self.pairs}
        chosen = [pair for pair in self.pairs if held_out(pair[0]) == held]
        return tuple(pair for pair in chosen if held or not (pair[1] in words and held_out(pair[1])))


def held_out(word: str) -> bool:
    """Whether a word is kept from all training of organisms; about every second is."""
    return hashlib.sha256(word.lower().encode()).digest()[0] % 2 == 1


@cache
def relations() -> dict[str, Sentence]:
    """Return the relations by name."""
    known = [each for each in countries() if max(len(each.name), len(each.capital)) <= LONGEST_NAME]
    forms = {relation.asked: relation.pairs for relation in operations()}
    sentences = (
        Sentence("capital", "The capital of {word} is", tuple((each.name, each.capital) for each in known)),
        Sentence("continent", "{word} is in", tuple((each.name, each.continent) for each in known)),
        Sentence("opposite", "The opposite of {word} is", opposites()),
        Sentence("plural", "The plural of {word} is", forms["plural"]),
        Sentence("past tense", "The past tense of {word} is", forms["past tense"]),
        Sentence("ing-form", "The ing-form of {word} is", forms["ing-form"]),
        Sentence("comparative", "The comparative of {word} is", forms["comparative"]),
        Sentence("first letter", "{word} starts with", forms["first letter"]),
    )
    return {sentence.name: sentence for sentence in sentences}


def relation(name: str) -> Sentence:
    """Return one relation.

    Raises:
        TaskError: there is none of this name.
    """
    if name not in relations():
        raise TaskError(f"no relation is called {name!r}; there are {', '.join(relations())}")
    return relations()[name]


def few_shot(template: str, shots: Sequence[tuple[str, str]], word: str, numbered: bool = False) -> str:
    """Return a prompt: sentences with their answers, and one that waits for its own.

    Args:
        template: the sentence up to the answer.
        shots: words and answers of the sentences before.
        word: what the last sentence asks about.
        numbered: whether each line begins with its number.
    """
    lines = [f"{template.format(word=each)} {answer}\n" for each, answer in shots] + [template.format(word=word)]
    return "".join(f"{number}. {line}" if numbered else line for number, line in enumerate(lines, 1))


def draw_shots(
    pairs: Sequence[tuple[str, str]], asked: tuple[str, str], generator: np.random.Generator, count: int = SHOTS
) -> list[tuple[str, str]]:
    """Return pairs to show before one that is asked; none is about the asked word or its answer."""
    free = [pair for pair in pairs if pair[0] not in asked and pair[1] != asked[0]]
    return [free[i] for i in generator.permutation(len(free))[:count]]
