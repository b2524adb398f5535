"""Candidate contexts: a pool to choose from, drawn at random or a user's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from istar.files import read_text
from istar.tasks.data.provocations import PEOPLE, misbehaviours
from istar.uses.errors import UseError

OPENINGS = (
    "The {first}, {second} {person} answered:",
    "I asked the {first} and {second} {person}, who said:",
    "A {first} {person}, sounding {second}, replied:",
    "Being {first} and {second}, the {person} told him:",
)


def all_contexts(behaviour: str) -> list[str]:
    """Return every context about one kind of misbehaviour: openings, two manners each, and a person."""
    manners, people = misbehaviours()[behaviour].manners, PEOPLE.split()
    return [
        opening.format(first=first, second=second, person=person)
        for opening in OPENINGS
        for first in manners
        for second in manners
        if first != second
        for person in people
    ]


def find_contexts(source: str, wanted: int, generator: np.random.Generator) -> list[str]:
    """Return a pool of contexts in random order.

    Args:
        source: a kind of misbehaviour that contexts are drawn about, or a text file with one context a line.
        wanted: how many.
        generator: draws them.

    Raises:
        UseError: the source is neither, or has too few.
    """
    kinds = misbehaviours()
    if source in kinds:
        known = all_contexts(source)
    elif Path(source).expanduser().is_file():
        lines = read_text(Path(source).expanduser()).splitlines()
        known = list(dict.fromkeys(line.rstrip() for line in lines if line.strip()))
    else:
        raise UseError(
            f"{source[:200]!r} is neither a kind of contexts ({', '.join(kinds)}) nor a text file; give one with a "
            "context a line"
        )
    if len(known) < wanted:
        raise UseError(
            f"{source} has {len(known)} different contexts, and {wanted} are needed: the candidates and those that the "
            "reading is calibrated on; add lines, or lower --candidates or --calibration"
        )
    return [known[number] for number in generator.permutation(len(known))[:wanted]]
