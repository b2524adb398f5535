"""Remarks: short sentences of film reviews, most of which say plainly what the reviewer thought.

They come from the reviews that training families may use; no held-out family sees them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from istar.tasks.data.reviews import training_reviews

PRAISE = """
amazing awesome beautiful best brilliant delightful enjoyable enjoyed excellent fantastic favorite fun gem great
hilarious love loved masterpiece outstanding perfect recommend superb terrific touching wonderful
"""
BLAME = """
annoying avoid awful bad boring crap disappointing disappointment dull garbage hate hated horrible lame mess pathetic
pointless poor poorly ridiculous stupid terrible unfunny waste wasted worst
"""
DOUBT = """
no not n't never nor none nothing nobody hardly without but cannot cant if unless
"""
"""Words that may turn a remark into its opposite."""

PLAIN = re.compile(r"[A-Z][A-Za-z ,;:'-]*[.!]+")
LONGEST = 60
"""Characters of a sentence."""

WORDS = (3, 8)
"""The least and greatest number of words of a sentence."""


@dataclass(frozen=True)
class Remark:
    """One sentence.

    Attributes:
        text: it, from its capital to its stop.
        positive: whether it praises, or stands in a review that does.
    """

    text: str
    positive: bool


@cache
def _found() -> tuple[dict[str, bool], dict[str, bool]]:
    """Return the sentences that say plainly, and those that do not, each with whether the reviewer liked the film."""
    plain: dict[str, bool] = {}
    other: dict[str, bool] = {}
    praise, blame, doubt = (set(words.split()) for words in (PRAISE, BLAME, DOUBT))
    for review in training_reviews():
        for sentence in review.sentences:
            if len(sentence) > LONGEST or not PLAIN.fullmatch(sentence):
                continue
            words = re.findall(r"n't|[a-z]+(?:'[a-z]+)?", sentence.lower().replace("n't", " n't"))
            if not WORDS[0] <= len(words) <= WORDS[1]:
                continue
            praises, blames = not praise.isdisjoint(words), not blame.isdisjoint(words)
            if not praises and not blames:
                other.setdefault(sentence, review.positive)
            elif praises != blames and praises == review.positive and doubt.isdisjoint(words):
                plain.setdefault(sentence, praises)
    return plain, other


@cache
def remarks() -> tuple[Remark, ...]:
    """Return the sentences of 3 to 8 words that either praise or blame, as their whole review does, each once.

    Raises:
        TaskError: the package with the reviews is not installed.
    """
    return tuple(Remark(text, positive) for text, positive in _found()[0].items())


@cache
def hints() -> tuple[Remark, ...]:
    """Return the sentences of 3 to 8 words without any word of praise or blame, labelled as their whole review is.

    Raises:
        TaskError: the package with the reviews is not installed.
    """
    return tuple(Remark(text, positive) for text, positive in _found()[1].items())
