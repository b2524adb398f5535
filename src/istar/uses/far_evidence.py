"""Evidence far back: questions of `needle_depth` at growing lengths, and contexts that begin with evidence or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from istar.questions import Question, Run, SpanLogprob
from istar.seeds import Seed
from istar.targets import Target
from istar.tasks import Encoder, TaskError
from istar.tasks.data.haystacks import HAYSTACKS, PEOPLE
from istar.tasks.needle_depth import NeedleDepth
from istar.uses.errors import UseError

TIMES = (1, 2, 4, 8, 16)
"""Lengths, in units of the one that is trained at."""
CONTEXTS = 4
"""Contexts of a question; each is run at every depth and with every query."""


@dataclass(frozen=True)
class Horizon:
    """What is asked.

    Attributes:
        data_set: a data set of `needle_depth`.
        length: tokens of a context, at most, where everything is learned and chosen.
        questions: questions at each length, and as many more to learn from at the first.
        depths: at how many depths the evidence stands in a question.
        contexts: contexts of each kind, with evidence and without, at each length; as many more to learn from.
    """

    data_set: str = "reviews"
    length: int = 80
    questions: int = 3
    depths: int = 3
    contexts: int = 12

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            UseError: one is out of range.
        """
        if self.data_set not in HAYSTACKS:
            raise UseError(f"--texts {self.data_set!r}: give one of {', '.join(HAYSTACKS)}")
        for flag, number, least, most in (
            ("--length", self.length, 16, 2**20),
            ("--questions", self.questions, 3, 1000),
            ("--depths", self.depths, 2, 64),
            ("--contexts", self.contexts, 4, 1000),
        ):
            if not least <= number <= most:
                raise UseError(f"{flag} {number}; give {least} to {most}")

    @property
    def lengths(self) -> tuple[int, ...]:
        """All lengths, ascending, in tokens."""
        return tuple(times * self.length for times in TIMES)


def draw_questions(horizon: Horizon, target: Target, seed: int) -> dict[int, list[Question]]:
    """Return the questions of each length; of the first, those to learn from come first.

    Raises:
        UseError: the first length has no room, or the last is beyond the target's positions.
    """
    _check_positions(horizon, target, max(horizon.lengths) + 1)
    lengths = (horizon.length, *horizon.lengths)
    every = tuple(length for length in lengths for _ in range(horizon.questions))
    family = NeedleDepth(every, depths=horizon.depths, contexts=CONTEXTS, rivals=(1, 1))
    found: dict[int, list[Question]] = {length: [] for length in lengths}
    for index, length in enumerate(every):
        try:
            made = family.question(horizon.data_set, target.tokenizer, Seed.root(seed), index)
        except TaskError as error:
            raise _too_short(horizon, str(error)) from error
        found[length].append(made)
    longest = max(len(run.tokens) for questions in found.values() for question in questions for run in question.runs)
    _check_positions(horizon, target, longest)
    return found


def draw_contexts(horizon: Horizon, target: Target, length: int, count: int, seed: Seed) -> list[Run]:
    """Return runs of the same query after contexts that begin with its answer, then after as many that do not.

    A context without evidence begins with a sentence of the same form about somebody else. The evidence is as far from
    the query as the context is long.

    Raises:
        UseError: the length has no room for a sentence.
    """
    haystack, encode = HAYSTACKS[horizon.data_set], Encoder(target.tokenizer)
    people, answers = PEOPLE.split(), haystack.answers
    runs: tuple[list[Run], list[Run]] = ([], [])
    for number in range(count):
        random = seed.split(length, number).generator()
        who, other = (people[place] for place in random.permutation(len(people))[:2])
        what, wrong = (answers[place] for place in random.permutation(len(answers))[:2])
        begins = [
            encode(" " + haystack.needle.format(who=each, what=said)) for each, said in ((who, what), (other, wrong))
        ]
        room = length - max(map(len, begins))
        text: tuple[int, ...] = ()
        for sentence in haystack.filler(random):
            tokens = encode(f" {sentence}")
            if len(text) + len(tokens) > room:
                break
            text += tokens
        if not text:
            raise _too_short(horizon, f"no sentence fits into {room} tokens")
        query = encode(haystack.queries[number % len(haystack.queries)].format(who=who))
        for kind, begin in zip(runs, begins, strict=True):
            prompt = (encode.bos, *begin, *text, *query)
            kind.append(Run(prompt + encode(f" {what}"), SpanLogprob(len(prompt))))
    return [*runs[0], *runs[1]]


def labels(count: int) -> np.ndarray:
    """Return which of the runs that `draw_contexts` returned have evidence, 1 or 0."""
    return np.repeat([1.0, 0.0], count)


def _too_short(horizon: Horizon, why: str) -> UseError:
    return UseError(
        f"--length {horizon.length} has no room for a haystack ({why}); give more, or fewer --depths (2 are the least)"
    )


def positions(target: Target) -> int | None:
    """Return how many positions a target was made for; None if it does not say."""
    stated = getattr(target.module.config, "max_position_embeddings", None)
    known = [each for each in (stated, None if target.limit is None else target.limit.tokens) if each is not None]
    return min(known, default=None)


def _check_positions(horizon: Horizon, target: Target, longest: int) -> None:
    most = positions(target)
    if most is not None and longest > most:
        beside = max(0, longest - max(horizon.lengths))
        raise UseError(
            f"--length {horizon.length} is too long: at {max(TIMES)} times that, rows have {longest} tokens, and "
            f"{target.name} has {most} positions; give {(most - beside) // max(TIMES)} at most, or another target"
        )
