"""Texts in the language of the small target `tiny-exact`: short enough that all of them can be enumerated.

An answer over every text of a kind is exact: it is that of the whole distribution and not of a sample. See
`istar.targets.small.tiny_exact` for the language.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from istar.targets.small.tiny_exact import (
    ALPHABET,
    ARROW,
    DIGITS,
    LETTERS,
    Rule,
    document,
    draw_lines,
    draw_rule,
    header,
    line,
    query,
)

__all__ = [
    "ALPHABET",
    "ARROW",
    "HOME",
    "LETTERS",
    "NAME",
    "classes",
    "clean_lines",
    "draw_rule",
    "every_string",
    "examples",
    "header",
    "line",
    "opening",
    "query",
]

NAME = "symbols"
"""What families call their data set in this language."""

HOME = "tiny-exact"
"""The target that it is about."""


def every_string(symbols: str, length: int) -> tuple[str, ...]:
    """Return all strings of a length over some symbols, in the symbols' order."""
    return tuple(map("".join, product(symbols, repeat=length)))


def opening(generator: np.random.Generator, least: int, most: int) -> str:
    """Return the beginning of a random document of the language, of `least` to `most` symbols."""
    return document(generator)[: int(generator.integers(least, most, endpoint=True))]


def examples(generator: np.random.Generator, most: int) -> tuple[str, ...]:
    """Return how a random list of examples begins: perhaps a true header, then 1 to `most` lines with their noise."""
    rule = draw_rule(generator)
    begin = (rule.header,) * int(generator.integers(2))
    return begin + draw_lines(generator, rule, int(generator.integers(1, most, endpoint=True)))


def clean_lines(generator: np.random.Generator, rule: Rule, count: int) -> tuple[str, ...]:
    """Return examples without noise, no two with the same key."""
    return tuple(line(LETTERS[key], rule(LETTERS[key])) for key in generator.permutation(len(LETTERS))[:count])


def classes(text: Sequence[str]) -> tuple[int, ...]:
    """Return the class of each symbol: 0 for a letter, 1 for a digit, 2 for a sign."""
    return tuple(0 if symbol in LETTERS else 1 if symbol in DIGITS else 2 for symbol in text)
