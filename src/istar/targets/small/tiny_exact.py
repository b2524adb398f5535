r"""The language that `tiny-exact` was trained on: pure functions that a family can make its texts with.

The alphabet has 16 symbols: the letters `a` to `h`, the digits `0` to `3`, and `>`, newline, `#` and `!`. A document is
a list of examples with probability 0.6, and else a walk.

**Examples.** 8 to 16 lines `key>answer`, each closed by a newline, keys uniform over the letters. All lines follow one
rule, drawn a document:

- `habit` (probability 0.3): the answer is `HABIT[key]`, a permutation that never changes;
- `shifted` (0.4): the answer stands `shift` letters after `HABIT[key]`, around the alphabet, shift uniform in 1 to 7,
  so that one clean line settles all others;
- `own` (0.3): each key has an answer of its own, uniform over the letters, so that only lines with the same key help.

One line in ten (`NOISE`) has a uniform letter in place of the rule's answer. Half of the documents begin with a header
line: the digit `0`, `1` or `2` for habit, shifted or own, which is wrong one time in ten (`LIE`).

**Walks.** `#`, a digit, then letters; 32 to 64 symbols in all. The digit sets the regime until the next digit: under
`0` the walk mostly climbs by one letter, under `1` it mostly falls by one, under `2` it mostly stays, under `3` each
letter is uniform. After a letter comes a new digit with probability 0.03. The rare symbol is the alarm `!`: after a
letter it has the probability `ALARM_RATES[digit]`, four times that where the last two symbols are the same letter
(1e-4 to 1.2e-2), and a digit always follows it.

The model sees `<s>`, the document, `</s>`. `istar.making.small_targets.ideal` gives the language's exact probabilities.
The model was trained briefly and is no ideal reader: it knows the habit well, infers a shift in part, forgets own
answers among many lines, and has the alarms' order of size only; its `card.json` has the figures.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from types import MappingProxyType
from typing import Literal

import numpy as np

LETTERS = "abcdefgh"
DIGITS = "0123"
ARROW = ">"
SEPARATOR = "\n"
WALK = "#"
ALARM = "!"
"""The rare symbol."""

ALPHABET = LETTERS + DIGITS + ARROW + SEPARATOR + WALK + ALARM
"""All symbols, in the order of their tokens."""

HABIT: Mapping[str, str] = MappingProxyType(dict(zip(LETTERS, "dgafbhce", strict=True)))
"""The background rule: the answer of each key."""

Kind = Literal["habit", "shifted", "own"]
KINDS: Mapping[Kind, float] = MappingProxyType({"habit": 0.3, "shifted": 0.4, "own": 0.3})
"""Kinds of rules and their probabilities; a kind's place is its header's digit."""

EXAMPLES = 0.6
"""Probability that a document is a list of examples."""
NOISE = 0.1
LIE = 0.1
FEWEST_LINES, MOST_LINES = 8, 16
SHORTEST_WALK, LONGEST_WALK = 32, 64
LONGEST_DOCUMENT = 2 + 4 * MOST_LINES

STEPS = (1, -1, 0, None)
"""The favoured step of each regime, in letters; None where none is."""
STEADINESS = 0.75
"""Probability of the favoured step; otherwise the next letter is uniform."""
NEW_DIGIT = 0.03
ALARM_RATES = (1e-4, 4e-4, 1e-3, 3e-3)
REPEAT_FACTOR = 4


@dataclass(frozen=True)
class Rule:
    """What the examples of one document follow.

    Attributes:
        kind: `habit`, `shifted` or `own`.
        answers: the answer of each key, in the order of `LETTERS`.
    """

    kind: Kind
    answers: str

    def __call__(self, key: str) -> str:
        """Return the answer of a key."""
        return self.answers[LETTERS.index(key)]

    @property
    def header(self) -> str:
        """The header line that tells the truth about this rule."""
        return header(self.kind)


def header(kind: Kind) -> str:
    """Return the header line of a kind of rules."""
    return DIGITS[list(KINDS).index(kind)] + SEPARATOR


def shifted(letter: str, shift: int) -> str:
    """Return the letter that stands `shift` places further, around the alphabet."""
    return LETTERS[(LETTERS.index(letter) + shift) % len(LETTERS)]


def shifted_rule(shift: int) -> Rule:
    """Return the habit moved by `shift` letters; the habit itself for a shift of 0."""
    answers = "".join(shifted(HABIT[key], shift) for key in LETTERS)
    return Rule("shifted" if shift % len(LETTERS) else "habit", answers)


def draw_rule(generator: np.random.Generator, kind: Kind | None = None) -> Rule:
    """Return a random rule.

    Args:
        generator: decides which.
        kind: the rule's kind; drawn as in the language if None.
    """
    if kind is None:
        kinds: list[Kind] = list(KINDS)
        kind = kinds[int(generator.choice(len(kinds), p=list(KINDS.values())))]
    if kind == "own":
        return Rule(kind, "".join(LETTERS[place] for place in generator.integers(len(LETTERS), size=len(LETTERS))))
    return shifted_rule(int(generator.integers(1, len(LETTERS))) if kind == "shifted" else 0)


def line(key: str, answer: str) -> str:
    """Return one example."""
    return f"{key}{ARROW}{answer}{SEPARATOR}"


def query(key: str) -> str:
    """Return the beginning of an example, up to where its answer stands."""
    return f"{key}{ARROW}"


def draw_lines(
    generator: np.random.Generator, rule: Rule, count: int, noise: float = NOISE, keys: Sequence[str] = LETTERS
) -> tuple[str, ...]:
    """Return examples of a rule, each closed by a newline.

    Args:
        generator: decides keys and noise.
        rule: gives the answers.
        count: how many lines there are.
        noise: probability that a line's answer is a uniform letter instead.
        keys: what keys are drawn from; a query's key may be left out so that its answer must be inferred.
    """
    drawn = [keys[int(place)] for place in generator.integers(len(keys), size=count)]
    noisy = generator.random(count) < noise
    random = generator.integers(len(LETTERS), size=count)
    return tuple(
        line(key, LETTERS[int(other)] if wrong else rule(key))
        for key, wrong, other in zip(drawn, noisy, random, strict=True)
    )


def mapping_document(generator: np.random.Generator) -> str:
    """Return a list of examples, with its header if it has one."""
    rule = draw_rule(generator)
    begin = ""
    if generator.random() < 0.5:
        told: Kind = rule.kind
        if generator.random() < LIE:
            others: list[Kind] = [kind for kind in KINDS if kind != rule.kind]
            told = others[int(generator.integers(len(others)))]
        begin = header(told)
    count = int(generator.integers(FEWEST_LINES, MOST_LINES + 1))
    return begin + "".join(draw_lines(generator, rule, count))


def walk_probabilities(walk: str) -> Mapping[str, float]:
    """Return the probability of each symbol that may come next in a walk that goes on.

    Args:
        walk: the walk so far, from its `#` on.
    """
    return _walk_probabilities(*_walk_state(walk))


def alarm_probability(walk: str) -> float:
    """Return the probability under the language that the next symbol of a walk is the alarm."""
    return walk_probabilities(walk).get(ALARM, 0.0)


def _walk_state(walk: str) -> tuple[int | None, str | None, bool, bool]:
    """Return regime, last letter, whether a letter was last, and whether it was the same one twice."""
    if walk[-1] in WALK + ALARM:
        return None, None, False, False
    regime = max(range(len(DIGITS)), key=lambda place: walk.rfind(DIGITS[place]))
    letter = max(LETTERS, key=walk.rfind)
    return regime, letter if letter in walk else None, walk[-1] in LETTERS, walk[-1] in LETTERS and walk[-2] == walk[-1]


@cache
def _walk_probabilities(
    regime: int | None, letter: str | None, after_letter: bool, repeated: bool
) -> Mapping[str, float]:
    if regime is None:
        return MappingProxyType(dict.fromkeys(DIGITS, 1 / len(DIGITS)))
    found = dict.fromkeys(LETTERS, 1 / len(LETTERS))
    step = STEPS[regime]
    if letter is not None and step is not None:
        found = {each: (1 - STEADINESS) * share for each, share in found.items()}
        found[shifted(letter, step)] += STEADINESS
    if after_letter:
        alarm = ALARM_RATES[regime] * (REPEAT_FACTOR if repeated else 1)
        found = {each: (1 - alarm - NEW_DIGIT) * share for each, share in found.items()}
        found |= dict.fromkeys(DIGITS, NEW_DIGIT / len(DIGITS)) | {ALARM: alarm}
    return MappingProxyType(found)


@cache
def _cumulative(state: tuple[int | None, str | None, bool, bool]) -> tuple[str, list[float]]:
    probabilities = _walk_probabilities(*state)
    return "".join(probabilities), list(accumulate(probabilities.values()))


def draw_walk(generator: np.random.Generator, symbols: int, begin: str = WALK) -> str:
    """Return a walk of so many symbols.

    Args:
        generator: decides the walk.
        symbols: how long it is, with its beginning.
        begin: what it begins with, `#` at least.
    """
    walk = begin
    for number in generator.random(max(0, symbols - len(begin))):
        choices, cumulative = _cumulative(_walk_state(walk))
        walk += choices[min(bisect(cumulative, number), len(choices) - 1)]
    return walk


def walk_document(generator: np.random.Generator) -> str:
    """Return a walk as long as the language's walks are."""
    return draw_walk(generator, int(generator.integers(SHORTEST_WALK, LONGEST_WALK + 1)))


def document(generator: np.random.Generator) -> str:
    """Return a document of the language: a list of examples or a walk."""
    return mapping_document(generator) if generator.random() < EXAMPLES else walk_document(generator)
