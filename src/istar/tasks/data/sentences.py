"""A grammar of short plain sentences: a probability distribution of texts that can be sampled without end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

TEMPLATES = (
    "The {adjective} {person} {verb} the {thing} in the {place} before the {event} began",
    "My {person} {verb} a {adjective} {thing} and then went to the {place} with a {person}",
    "In the {place} a {person} {verb} the {adjective} {thing} while the others were at the {event}",
    "Every {person} in this {place} {verb} some {adjective} {thing} after the {event}",
    "After the {event} the {person} {verb} his {thing} near the {adjective} {place}",
    "Nobody {verb} the {thing} of the {adjective} {person} who came to the {place}",
    "Last night our {person} {verb} two {adjective} things at the {place} during the {event}",
    "When the {person} reached the {place} he {verb} a {thing} for the {event}",
    "One {adjective} {person} never {verb} the {thing} that lay in the {place}",
    "Before the {event} a {adjective} {person} {verb} my {thing} at the old {place}",
)
"""Sentences without their stop; texts are cut anywhere."""

WORDS = {
    "person": "farmer sailor baker widow soldier lawyer painter child queen stranger teacher hunter nurse thief priest "
    "tailor miller driver poet judge cousin neighbor servant captain",
    "verb": "sold found stole painted broke carried buried repaired wanted dropped opened watched hid washed burned "
    "forgot noticed borrowed lifted measured",
    "adjective": "old quiet angry rich tired clever lonely proud young tall strange heavy honest poor famous gentle "
    "foolish nervous brave lazy",
    "thing": "lamp ladder letter basket violin coat mirror wagon barrel candle clock blanket bottle knife map purse "
    "kettle chair painting rope drum book shovel",
    "place": "kitchen harbor market church garden forest castle tavern library barn station village cellar school "
    "factory museum valley stable courtyard mill",
    "event": "storm wedding trial harvest parade funeral war party meeting concert race flood dinner strike game "
    "election battle festival",
}


@dataclass(frozen=True)
class Grammar:
    """A part of the grammar; every text is drawn from it independently.

    Attributes:
        templates: the sentences, equally probable.
        words: the words of each class, equally probable.
    """

    templates: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]]

    def draw(self, generator: np.random.Generator) -> str:
        """Return a sentence without its stop."""

        def word(match: re.Match[str]) -> str:
            choices = self.words[match.group(1)]
            return choices[int(generator.integers(len(choices)))]

        return re.sub(r"\{(\w+)\}", word, self.templates[int(generator.integers(len(self.templates)))])


def draw_grammar(generator: np.random.Generator, templates: int = 4, words: int = 10) -> Grammar:
    """Return a random part of the grammar: some templates, and some words of each class."""
    lists = {name: listed.split() for name, listed in WORDS.items()}
    return Grammar(
        tuple(TEMPLATES[i] for i in generator.permutation(len(TEMPLATES))[:templates]),
        {name: tuple(each[i] for i in generator.permutation(len(each))[:words]) for name, each in lists.items()},
    )
