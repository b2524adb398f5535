"""Leaks: does a text of validation or test stand where a method or a researcher could learn it?

A method learns from the generic corpus in `interpret`, a researcher sees training questions in full. A leak is a run of
13 tokens of a held-out question that stands in either (the length follows Brown et al., Language models are few-shot
learners, 2020). Shorter overlaps are the language's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from istar.questions import Question

LENGTH = 13

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Leak:
    """A held-out text that stands elsewhere.

    Attributes:
        task: the held-out task.
        place: where the text stands as well: `corpus`, or the name of a training task.
        stretches: how many different stretches of 13 tokens are shared.
        share: of the held-out task's different stretches.
        example: tokens of one of them.
    """

    task: str
    place: str
    stretches: int
    share: float
    example: Tokens


def stretches(sequences: Iterable[Tokens]) -> set[Tokens]:
    """Return all different stretches of 13 tokens; those with the beginning-of-sequence token are no text."""
    return {
        sequence[start : start + LENGTH] for sequence in sequences for start in range(1, len(sequence) - LENGTH + 1)
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
    places = {"corpus": stretches(corpus)}
    places |= {task: stretches(texts(questions)) for task, questions in training.items()}
    leaks = []
    for task, questions in held_out.items():
        own = stretches(texts(questions))
        for place, known in places.items():
            shared = own & known
            if shared:
                leaks.append(Leak(task, place, len(shared), len(shared) / len(own), min(shared)))
    return tuple(sorted(leaks, key=lambda leak: (-leak.share, leak.task, leak.place)))
