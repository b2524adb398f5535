"""Leaks: does a text of validation or test stand where a method or a researcher could learn it?

A method learns from the generic corpus in `interpret`, a researcher sees training questions in full. A leak is a run of
13 tokens of a held-out question that stands in either (the length follows Brown et al., Language models are few-shot
learners, 2020). Shorter overlaps are the language's own. Where there are but few different tokens, as in a language of
symbols, any 13 of them soon come up twice, and a leak is a longer run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from istar.questions import Question

LENGTH = 13
FEW_TOKENS = 200
"""With fewer different tokens, a run is so long that as many are possible as of 13 of so many tokens."""

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Leak:
    """A held-out text that stands elsewhere.

    Attributes:
        task: the held-out task.
        place: where the text stands as well: `corpus`, or the name of a training task.
        stretches: how many different runs of tokens are shared.
        share: of the held-out task's different runs.
        example: tokens of one of them.
    """

    task: str
    place: str
    stretches: int
    share: float
    example: Tokens


def run_length(different: int) -> int:
    """Return how many tokens have to stand elsewhere in the same order to be a leak, given how many there are."""
    return math.ceil(LENGTH * max(1.0, math.log(FEW_TOKENS) / math.log(max(different, 2))))


def stretches(sequences: Iterable[Tokens], length: int = LENGTH) -> set[Tokens]:
    """Return all different runs of so many tokens; those with the beginning-of-sequence token are no text."""
    return {
        sequence[start : start + length] for sequence in sequences for start in range(1, len(sequence) - length + 1)
    }


def texts(questions: Iterable[Question]) -> set[Tokens]:
    """Return the token sequences that the runs of questions are made of, each once."""
    return {path.tokens for question in questions for run in question.runs for path in run.paths} | {
        run.tokens for question in questions for run in question.runs
    }


def find_leaks(
    held_out: Mapping[str, Sequence[Question]],
    training: Mapping[str, Sequence[Question]],
    corpus: Sequence[Tokens],
) -> tuple[Leak, ...]:
    """Return every leak, the largest first.

    Args:
        held_out: questions of validation and test, by task.
        training: questions of training, by task.
        corpus: the sequences that methods learn from.
    """
    known_texts = {"corpus": set(corpus)} | {task: texts(questions) for task, questions in training.items()}
    own_texts = {task: texts(questions) for task, questions in held_out.items()}
    every = (*known_texts.values(), *own_texts.values())
    length = run_length(len({token for several in every for sequence in several for token in sequence[1:]}))
    places = {place: stretches(several, length) for place, several in known_texts.items()}
    leaks = []
    for task, several in own_texts.items():
        own = stretches(several, length)
        for place, known in places.items():
            shared = own & known
            if shared:
                leaks.append(Leak(task, place, len(shared), len(shared) / len(own), min(shared)))
    return tuple(sorted(leaks, key=lambda leak: (-leak.share, leak.task, leak.place)))
