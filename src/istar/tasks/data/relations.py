"""Relations: something that is asked about words or names, with the right answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Relation:
    """A question that can be put about many words.

    Attributes:
        asked: what to call the answer.
        pairs: words and answers.
    """

    asked: str
    pairs: tuple[tuple[str, str], ...]
