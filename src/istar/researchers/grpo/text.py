r"""Sentences of the grammar as short texts, and which characters may come next in one.

A channel is its word and the constants that are to be chosen, in their order; channels are joined by ` + `, and a line
ends a sentence:

    lens 0.4 + tuned 0.3 0.01\n

A text is made of pieces: a word or a value with what stands behind it (a blank, ` + `, or the end of the line). None of
the pieces that may stand in a place begins another, so that a text is read from left to right without looking ahead.
Every beginning that is allowed has an end: what can be written is what the grammar contains, in any order of channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from istar.researchers.grammar.drawing import Chooser
from istar.researchers.grammar.primitives import PRIMITIVES, Channel, Primitive
from istar.researchers.grammar.sentence import MOST_CHANNELS, Sentence, SentenceError, draw_sentence
from istar.researchers.researcher import ResearcherError

BLANK, JOIN, END = " ", " + ", "\n"


class Place(NamedTuple):
    """Where a text stands between two pieces.

    Attributes:
        channels: those written so far.
        primitive: the word of the channel that is being written; None before it.
        values: the constants of that channel so far; those with a single value are there without being written.
        complete: whether the sentence has ended.
    """

    channels: tuple[Channel, ...] = ()
    primitive: Primitive | None = None
    values: tuple[Any, ...] = ()
    complete: bool = False


class Prefix(NamedTuple):
    """The beginning of a text.

    Attributes:
        place: where its last whole piece ends.
        typed: the characters of the next piece so far.
    """

    place: Place = Place()
    typed: str = ""


class SentenceText:
    """Writes and reads the sentences of some words.

    Args:
        words: the primitives that sentences are made of.

    Raises:
        ResearcherError: two of them have the same word for people, or one, or a value, cannot be written.
    """

    def __init__(self, words: Sequence[str]) -> None:
        """See the class docstring."""
        self.words = tuple(words)
        self._primitives = [PRIMITIVES.get(word) for word in words]
        labels: dict[str, Primitive] = {}
        for primitive in self._primitives:
            other = labels.setdefault(primitive.word, primitive)
            if other is not primitive:
                raise ResearcherError(
                    f"the primitives {other.kind!r} and {primitive.kind!r} are both called {primitive.word!r}, so that "
                    "no text can tell them apart; give one another word, or leave one out of `words`"
                )
            _check_text(primitive.word, f"the word of the primitive {primitive.kind!r}")
            for constant, options in primitive.choices:
                texts = [_spelled(option) for option in options]
                for each in texts:
                    _check_text(each, f"a value of {constant} of the primitive {primitive.kind!r}")
                if len(set(texts)) != len(texts):
                    raise ResearcherError(
                        f"two values of {constant} of the primitive {primitive.kind!r} are written the same; leave the "
                        "primitive out of `words`"
                    )
        self._pieces: dict[Place, dict[str, Place]] = {}

    @property
    def alphabet(self) -> frozenset[str]:
        """Every character that a text may hold."""
        texts = [primitive.word for primitive in self._primitives]
        texts += [
            _spelled(option)
            for primitive in self._primitives
            for _, options in primitive.choices
            if len(options) > 1
            for option in options
        ]
        return frozenset("".join((BLANK, JOIN, END, *texts)))

    def pieces(self, place: Place) -> dict[str, Place]:
        """Return the pieces that may stand in a place, each with the place behind it; none begins another."""
        if place not in self._pieces:
            self._pieces[place] = self._next_pieces(place)
        return self._pieces[place]

    def characters(self, prefix: Prefix) -> dict[str, Prefix]:
        """Return the characters that may come next, each with the beginning that it makes; none at the end."""
        found = {}
        for piece, behind in self.pieces(prefix.place).items():
            if piece.startswith(prefix.typed):
                typed = piece[: len(prefix.typed) + 1]
                found[typed[-1]] = Prefix(behind) if typed == piece else Prefix(prefix.place, typed)
        return found

    def write(self, sentence: Sentence) -> str:
        """Return a sentence's text, its channels in their order.

        Raises:
            SentenceError: it is made of other words.
        """
        unknown = [each.primitive.kind for each in sentence.channels if each.primitive not in self._primitives]
        if unknown:
            raise SentenceError(f"{', '.join(unknown)} is none of the words {', '.join(self.words)}")
        return JOIN.join(_channel_text(each) for each in sentence.channels) + END

    def read(self, text: str) -> Sentence:
        """Return the sentence that a text is.

        Raises:
            SentenceError: it is none; the message says where, and what could stand there.
        """
        prefix = Prefix()
        for number, character in enumerate(text):
            after = self.characters(prefix)
            if character not in after:
                raise SentenceError(
                    f"character {number + 1} of {text!r} is {character!r}, where {_listed(after)} may stand"
                )
            prefix = after[character]
        if not prefix.place.complete:
            raise SentenceError(f"{text!r} ends too early, where {_listed(self.characters(prefix))} may stand")
        return Sentence(prefix.place.channels)

    def _next_pieces(self, place: Place) -> dict[str, Place]:
        if place.complete:
            return {}
        if place.primitive is None:
            return {
                piece: behind
                for primitive in self._primitives
                if _left(place.channels, primitive, ()) > 0
                for piece, behind in self._behind(place.channels, primitive, (), primitive.word).items()
            }
        options = place.primitive.choices[len(place.values)][1]
        return {
            piece: behind
            for option in options
            if _left(place.channels, place.primitive, (*place.values, option)) > 0
            for piece, behind in self._behind(
                place.channels, place.primitive, (*place.values, option), _spelled(option)
            ).items()
        }

    def _behind(
        self, channels: tuple[Channel, ...], primitive: Primitive, values: tuple[Any, ...], written: str
    ) -> dict[str, Place]:
        """Return the pieces that what was written last may be, each with the place behind it."""
        while len(values) < len(primitive.choices) and len(primitive.choices[len(values)][1]) == 1:
            values = (*values, primitive.choices[len(values)][1][0])
        if len(values) < len(primitive.choices):
            return {written + BLANK: Place(channels, primitive, values)}
        channels = (*channels, Channel(primitive, values))
        pieces = {written + END: Place(channels, complete=True)}
        if len(channels) < MOST_CHANNELS and any(_left(channels, each, ()) > 0 for each in self._primitives):
            pieces[written + JOIN] = Place(channels)
        return pieces


class Spelling(Chooser):
    """Answers each decision of `draw_sentence` with what a sentence has chosen there.

    Args:
        sentence: the sentence.
    """

    def __init__(self, sentence: Sentence) -> None:
        """See the class docstring."""
        super().__init__()
        self._channels = sentence.channels

    def _pick(self, name: str, options: Sequence[Any]) -> int:
        if name == "channels":
            return options.index(len(self._channels))
        slot, _, rest = name.partition(".")
        channel = self._channels[int(slot) - 1]
        if rest == "kind":
            return options.index(channel.primitive.kind)
        constant = rest.removeprefix(f"{channel.primitive.kind}.")
        return next(
            choices.index(value)
            for (other, choices), value in zip(channel.primitive.choices, channel.values, strict=True)
            if other.lower() == constant
        )


def choices_of(sentence: Sentence, words: Sequence[str]) -> dict[str, Any]:
    """Return the choices that draw a sentence, by the names of their decisions."""
    spelling = Spelling(sentence)
    draw_sentence(spelling, words)
    return spelling.drawn


def _left(channels: Sequence[Channel], primitive: Primitive, values: tuple[Any, ...]) -> int:
    """Return how many channels of a primitive that begin with some values are not there yet."""
    there = sum(each.primitive is primitive and each.values[: len(values)] == values for each in channels)
    return math.prod(len(options) for _, options in primitive.choices[len(values) :]) - there


def _channel_text(channel: Channel) -> str:
    values = [
        _spelled(value)
        for (_, options), value in zip(channel.primitive.choices, channel.values, strict=True)
        if len(options) > 1
    ]
    return BLANK.join((channel.primitive.word, *values))


def _spelled(value: Any) -> str:
    return "".join(repr(value).split())


def _check_text(text: str, what: str) -> None:
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ResearcherError(f"{what} is {text!r}, which is no plain text without blanks; leave it out of `words`")


def _listed(characters: dict[str, Prefix]) -> str:
    return ", ".join(map(repr, sorted(characters))) or "nothing more"
