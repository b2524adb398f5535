"""Variation operators: how a new method is made from known ones.

A variation sees methods as proposals, source and all, and returns a proposal. Those here work on the sentences of the
grammar; one that edits the source itself fits the same protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from istar.researchers.grammar.drawing import all_but_one, draw_blindly
from istar.researchers.grammar.sentence import MOST_CHANNELS
from istar.researchers.researcher import Proposal
from istar.seeds import Seed


class Variation(Protocol):
    """An operator.

    Attributes:
        name: recorded with every proposal it makes.
        parents: how many methods it starts from.
    """

    name: ClassVar[str]
    parents: ClassVar[int]

    def vary(self, parents: Sequence[Proposal], seed: Seed) -> Proposal:
        """Return a method made from these; it names them as its parents.

        Args:
            parents: as many different methods as the operator starts from.
            seed: of all randomness.
        """


class Fresh:
    """A sentence drawn uniformly, from nothing."""

    name: ClassVar[str] = "fresh"
    parents: ClassVar[int] = 0

    def __init__(self, words: Sequence[str] | None = None) -> None:
        """Draw from these primitives; None for all."""
        self.words = words

    def vary(self, parents: Sequence[Proposal], seed: Seed) -> Proposal:
        """See `Variation`."""
        return draw_blindly(seed, words=self.words, variation=self.name)


class Mutation:
    """A sentence with one of its choices drawn again, and all that hangs on it."""

    name: ClassVar[str] = "mutation"
    parents: ClassVar[int] = 1

    def __init__(self, words: Sequence[str] | None = None) -> None:
        """Draw from these primitives; None for all."""
        self.words = words

    def vary(self, parents: Sequence[Proposal], seed: Seed) -> Proposal:
        """See `Variation`."""
        (parent,) = parents
        return draw_blindly(seed, all_but_one(parent, seed), parents, self.words, variation=self.name)


class Recombination:
    """A sentence of channels of two others, at least one of each and no two alike."""

    name: ClassVar[str] = "recombination"
    parents: ClassVar[int] = 2

    def vary(self, parents: Sequence[Proposal], seed: Seed) -> Proposal:
        """See `Variation`."""
        generator = seed.split("channels").generator()
        first, second = ([own[place] for place in generator.permutation(len(own))] for own in map(_channels, parents))
        others = [channel for channel in second if channel != first[0]]
        rest = [*first[1:], *others[1:]]
        shuffled = [rest[place] for place in generator.permutation(len(rest))]
        pool = _different([first[0], *others[:1], *shuffled])
        count = int(generator.integers(min(2, len(pool)), min(MOST_CHANNELS, len(pool)) + 1))
        fixed: dict[str, Any] = {"channels": count}
        for slot, channel in enumerate(pool[:count], 1):
            fixed |= {f"{slot}.{name}": value for name, value in channel.items()}
        return draw_blindly(seed, fixed, parents, variation=self.name)


def _channels(proposal: Proposal) -> list[dict[str, Any]]:
    """Return the choices of each different channel of a proposal, by their names without the slot."""
    drawn = proposal.parameters["drawn"]
    slots = [f"{slot}." for slot in range(1, drawn["channels"] + 1)]
    return _different(
        [
            {name.removeprefix(slot): value for name, value in sorted(drawn.items()) if name.startswith(slot)}
            for slot in slots
        ]
    )


def _different(channels: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [channel for place, channel in enumerate(channels) if channel not in channels[:place]]
