"""Contexts that state facts: nationalities as examples, and portraits of made-up people; word by word.

Lists of our own; no other family asks about nationalities or shows these portraits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from istar.tasks.family import Encoder

NATIONALITIES = """
France French; Germany German; Spain Spanish; Italy Italian; Russia Russian; China Chinese; Japan Japanese; India
Indian; Brazil Brazilian; Canada Canadian; Mexico Mexican; Greece Greek; Turkey Turkish; Egypt Egyptian; Poland Polish;
Sweden Swedish; Norway Norwegian; Denmark Danish; Finland Finnish; Ireland Irish; Scotland Scottish; England English;
Portugal Portuguese; Austria Austrian; Hungary Hungarian; Iran Iranian; Iraq Iraqi; Israel Israeli; Korea Korean;
Vietnam Vietnamese; Thailand Thai; Australia Australian; America American; Africa African; Europe European; Asia Asian;
Cuba Cuban; Chile Chilean; Peru Peruvian; Argentina Argentine; Colombia Colombian; Ukraine Ukrainian; Syria Syrian;
Pakistan Pakistani; Indonesia Indonesian; Nigeria Nigerian; Kenya Kenyan; Rome Roman; Paris Parisian; Texas Texan
"""

PORTRAITS = (
    "{person} is a {job} from {city} who owns a {colour} {thing} and plays the {instrument} with {friend} .",
    "My friend {person} works as a {job} in {city} , has a {colour} {thing} and plays the {instrument} with {friend} .",
    "In {city} a {job} called {person} took a {colour} {thing} to see {friend} and play the {instrument} together .",
)
QUERIES = {
    "colour": ("The color of the {thing} is", "The {thing} of {person} has the color"),
    "thing": ("So {person} has a {colour}", "Everybody knows {person} and the {colour}"),
    "instrument": ("{person} likes to play the", "{person} and {friend} play the"),
    "friend": ("{person} plays music with", "The friend of {person} is called"),
}
"""Beginnings of sentences that a word of the portrait completes."""

WORDS = {
    "person": "Tom Mary Emma Jack Anna Peter David Alice George James Maria Simon Laura Frank Julia Robert",
    "friend": "Paul John Jane Mark Sarah Henry Thomas Martin Lisa Karen Daniel Helen Susan Michael Kate Oliver",
    "job": "nurse baker teacher lawyer doctor farmer painter soldier judge driver singer dancer writer tailor",
    "city": "London Paris Berlin Madrid Rome Boston Chicago Moscow Tokyo Dublin Vienna Oslo Milan Lisbon",
    "colour": "red blue green yellow black white brown purple pink gray orange silver",
    "thing": "car house hat boat bike coat horse chair van tent bag dress",
    "instrument": "piano guitar violin drums trumpet flute harp organ cello horn",
    "": "the a an my his her is was with from and or who in on at to by of for plays owns works has sees likes",
}
"""Words of each class; the last class holds words that may stand anywhere."""


@dataclass(frozen=True)
class Part:
    """A word or a sign of a context.

    Attributes:
        text: with its leading space if it has one.
        kind: what it is; the same number for words that may stand for one another, -1 for signs, which stay.
    """

    text: str
    kind: int = -1


@dataclass(frozen=True)
class Statement:
    """A context with a query about it.

    Attributes:
        parts: the context.
        query: text after it, up to the answer.
        answer: the right answer, with its leading space.
        classes: the words of each kind, without those that the context or the query holds.
    """

    parts: tuple[Part, ...]
    query: str
    answer: str
    classes: tuple[tuple[str, ...], ...]

    @property
    def open(self) -> tuple[int, ...]:
        """Which parts may be replaced."""
        return tuple(place for place, part in enumerate(self.parts) if part.kind >= 0)


@cache
def nationalities() -> tuple[tuple[str, str], ...]:
    """Return pairs of a place and what is of it."""
    pairs = (pair.split() for pair in NATIONALITIES.replace("\n", " ").split(";"))
    return tuple((place, adjective) for place, adjective in pairs)


def nationality_examples(encode: Encoder, generator: np.random.Generator, count: int, pool: int = 24) -> Statement:
    """Return examples "France -> French", each on a line of its own, and one more without its answer.

    Args:
        encode: counts tokens.
        generator: draws the examples.
        count: how many there are.
        pool: they are drawn from so many pairs, those of fewest tokens.
    """
    known = sorted(nationalities(), key=lambda pair: len(encode(pair[0])) + len(encode(f" {pair[1]}")))
    drawn = [known[i] for i in generator.permutation(min(pool, len(known)))]
    *shown, (asked, answer) = drawn[: count + 1]
    parts: list[Part] = []
    for place, adjective in shown:
        parts += [Part(place, 0), Part(" ->"), Part(f" {adjective}", 1), Part("\n")]
    rest = [pair for pair in nationalities() if pair not in drawn[: count + 1]]
    classes = (tuple(place for place, _ in rest), tuple(adjective for _, adjective in rest))
    return Statement(tuple(parts), f"{asked} ->", f" {answer}", classes)


def portrait(generator: np.random.Generator) -> Statement:
    """Return a sentence that tells several things about one person, and the beginning of one that asks for a thing."""
    classes = {name: listed.split() for name, listed in WORDS.items()}
    chosen = {name: words[int(generator.integers(len(words)))] for name, words in classes.items()}
    template = PORTRAITS[int(generator.integers(len(PORTRAITS)))]
    asked = list(QUERIES)[int(generator.integers(len(QUERIES)))]
    query = QUERIES[asked][int(generator.integers(len(QUERIES[asked])))]
    names = list(classes)
    parts: list[Part] = []
    for word in template.split():
        if word in (".", ","):
            parts.append(Part(word))
        else:
            slot = word.strip("{}") if word.startswith("{") else ""
            parts.append(Part(f" {chosen[slot] if slot else word}", names.index(slot)))
    used = set(template.split()) | set(chosen.values())
    rest = tuple(tuple(word for word in words if word not in used) for words in classes.values())
    return Statement(tuple(parts), " " + query.format(**chosen), f" {chosen[asked]}", rest)
