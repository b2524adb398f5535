"""One look: the FLOPs of one pass over what a question's rows do not share.

A method that has read a text can say from that reading what small changes of it do, so brute force over one look is
the room that a question has. Texts are the rows' own and those that their interventions are made from (what is
trained on, what a steering vector is read from), taken by length, the longest first. Of each of them what is new has
to be read: not its beginning, as far as an earlier text begins alike; nor, if that makes it a small change (`SMALL`),
what stands in the same company in that one earlier text that has most of the rest. A token is in the same company
where the `COMPANY` tokens that end, or begin, with it are the same. So a sentence that is left out or moved costs
nothing, a changed token costs itself, a prompt and an example that other rows combine otherwise nothing, and a new
text all of it, though its sentences be made alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int

from istar.flops import CostModel
from istar.questions import Question

COMPANY = 3
"""How many tokens in a row have to be the same. Of two, chance makes many; more, and a moved phrase would be new."""

SMALL = 0.125
"""A text is a small change of another where no more than this share of its tokens is new."""

PASSES = {"forward": 1.0, "gradient": 3.0}
"""What a look may be, and its FLOPs in forward passes: a backward pass multiplies twice for each product."""


def one_look(question: Question, costs: CostModel) -> float:
    """Return the FLOPs of one look at a question: a forward over all that is new, read where it or what follows is.

    Args:
        question: the question.
        costs: the analytic costs of its target.
    """
    reads: dict[tuple[int, ...], set[int]] = {}
    for run in question.runs:
        for path in run.paths:
            reads.setdefault(path.tokens, set()).update(path.reads)
        for text in () if run.intervention is None else run.intervention.texts:
            reads.setdefault(text, set())
    texts = sorted(reads, key=len, reverse=True)
    flops = 0.0
    for text, new in zip(texts, new_in(texts), strict=True):
        if new.any():
            places = np.flatnonzero(new)
            flops += float(np.sum(costs.per_token + costs.per_pair * (places + 1.0)))
            flops += float(costs.per_read * len([place for place in reads[text] if place >= places[0]]))
    return flops


def new_in(texts: Sequence[Sequence[int]]) -> list[Bool[np.ndarray, " tokens"]]:
    """Return which tokens of each text are new after those before it.

    Args:
        texts: tokens of each, none of them empty and no two the same.
    """
    margin = COMPANY - 1
    stretch = _stretches(np.concatenate([np.pad(np.asarray(text) + 1, margin) for text in texts]))
    holds = np.zeros((len(texts), int(stretch.max()) + 1), dtype=bool)  # which stretches each text that was read has
    beginnings: dict[tuple[int, int], int] = {}
    found, read, start = [], 0, 0
    for text in texts:
        alike = _grow(beginnings, text)
        size = len(text)
        ending = stretch[start + alike : start + size]
        beginning = stretch[start + alike + margin : start + size + margin]
        new = np.ones(size, dtype=bool)
        new[:alike] = False
        if read and alike < size:
            known = holds[:read, ending] | holds[:read, beginning]
            nearest = known[known.sum(1).argmax()]
            if np.sum(~nearest) <= SMALL * size:
                new[alike:] = ~nearest
        if new.any():
            holds[read, stretch[start : start + size + margin]] = True
            read += 1
        found.append(new)
        start += size + 2 * margin
    return found


def _grow(beginnings: dict[tuple[int, int], int], text: Sequence[int]) -> int:
    """Put a text into a tree of texts and return how many of its first tokens were there."""
    node, alike = 0, 0
    for place, token in enumerate(text):
        child = beginnings.get((node, token))
        if child is None:
            child = beginnings[node, token] = len(beginnings) + 1
        else:
            alike = place + 1
        node = child
    return alike


def _stretches(tokens: Int[np.ndarray, " tokens"]) -> Int[np.ndarray, " stretches"]:
    """Return a number for the stretch of `COMPANY` tokens that begins at each place, the same for equal stretches."""
    each = np.unique(tokens, return_inverse=True)[1].astype(np.int64)
    stretch = each
    for step in range(1, COMPANY):
        both = stretch[:-1] * (each.max() + 1) + each[step:]
        stretch = np.unique(both, return_inverse=True)[1].astype(np.int64)
    return stretch
