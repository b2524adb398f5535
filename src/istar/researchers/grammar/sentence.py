"""A sentence of the grammar: which channels a method has, and the method file that it stands for.

The grammar is typed: a method is one to three channels, a channel is a primitive, a primitive is its choices. A
sentence with one channel twice is no sentence, and the order of its channels, which tells the executor nothing, is that
of their words. One channel alone is its primitive's file with the chosen constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from istar.errors import IstarError
from istar.methods.side_by_side import MethodFile, Part, put_side_by_side
from istar.researchers.grammar.primitives import PRIMITIVES, Channel, Sampler

MOST_CHANNELS = 3


class SentenceError(IstarError):
    """A sentence that the grammar does not generate."""


@dataclass(frozen=True)
class Sentence:
    """The channels of a method.

    Attributes:
        channels: one to three different channels, sorted.
    """

    channels: tuple[Channel, ...]

    def __post_init__(self) -> None:
        """Check the number of channels and that none stands twice, and sort them."""
        if not 1 <= len(self.channels) <= MOST_CHANNELS:
            raise SentenceError(f"a method has 1 to {MOST_CHANNELS} channels, not {len(self.channels)}")
        if len(set(self.channels)) != len(self.channels):
            raise SentenceError(f"two channels of {self.name} are the same")
        ordered = sorted(self.channels, key=lambda channel: (channel.primitive.kind, channel.short))
        object.__setattr__(self, "channels", tuple(ordered))

    @property
    def name(self) -> str:
        """The channels' short names."""
        return "+".join(channel.short for channel in self.channels)

    @property
    def file(self) -> MethodFile:
        """The method file: that of its primitive, or several put side by side."""
        if len(self.channels) == 1:
            return MethodFile(self.channels[0].source)
        return put_side_by_side([Part(channel.source, channel.title) for channel in self.channels])

    @property
    def source(self) -> str:
        """The text of the method file."""
        return self.file.source

    def to_json(self) -> list[dict[str, Any]]:
        """Return the sentence as JSON values."""
        return [channel.to_json() for channel in self.channels]


def draw_sentence(sampler: Sampler, words: Sequence[str] | None = None) -> Sentence:
    """Draw a sentence; repeated channels are merged, so that every draw is a sentence.

    Args:
        sampler: draws.
        words: the primitives to draw from; None for all.
    """
    kinds = tuple(PRIMITIVES if words is None else words)
    count = sampler.suggest_int("channels", 1, MOST_CHANNELS)
    channels: dict[Channel, None] = {}
    for slot in range(1, count + 1):
        kind = sampler.suggest_categorical(f"{slot}.kind", kinds)
        channels.setdefault(PRIMITIVES.get(kind).draw(sampler, str(slot)))
    return Sentence(tuple(channels))
