"""A method of the grammar without each of its channels: what each part is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from istar.methods.side_by_side import MethodFile
from istar.researchers.grammar.primitives import PRIMITIVES, Channel
from istar.researchers.grammar.sentence import Sentence
from istar.researchers.researcher import ResearcherError


def ablations(name: str, parameters: Mapping[str, Any]) -> dict[str, MethodFile]:
    """Return the files of a method without one of its channels, for each of them, by name.

    Args:
        name: the method's name.
        parameters: its proposal's parameters, which hold its sentence.

    Raises:
        ResearcherError: the method is not a sentence of the grammar, or has one channel alone.
        PrimitiveError: a primitive is not what it was when the method was written.
    """
    sentence = parameters.get("sentence")
    if not isinstance(sentence, Sequence) or len(sentence) < 2:
        what = "is not a sentence of the grammar" if not sentence else "has a single channel"
        raise ResearcherError(f"the method {name!r} {what}, so there is no part to leave out")
    channels = tuple(_channel(each) for each in sentence)
    return {
        f"{name} without {left.short}": Sentence(tuple(each for each in channels if each is not left)).file
        for left in channels
    }


def _channel(described: Mapping[str, Any]) -> Channel:
    return PRIMITIVES.get(described["kind"]).with_values(
        **{name.upper(): value for name, value in described.items() if name != "kind"}
    )
