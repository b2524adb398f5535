"""Family `length_cliff`: up to which length can the model do what it can do with short inputs?

A problem about a list is demonstrated on short lists, and asked about lists of growing length. The answer is, for each
of several problems, the length from which on down the right answer is likely, its tokens at a fifth or more in the
geometric mean: length generalisation (Anil et al., Exploring length generalization in large language models, 2022).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.questions import Question, Role, Run, SpanLogprob, StayingCrossing
from istar.tasks.data.first_names import ANIMALS, FOOD, GIFTS, NAMES, PLACES
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

ITEMS = {"words": (*PLACES, *GIFTS, *ANIMALS, *FOOD), "names": NAMES}
COUNTS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen",
)  # fmt: skip

WORKS = math.log(0.2)
"""Mean log-probability of a token of the right answer, in nats, above which the model can do a problem."""

Problem = Callable[[list[str]], list[str]]
PROBLEMS: dict[str, Problem] = {
    "Copy": lambda items: items,
    "Backwards": lambda items: items[::-1],
    "Sorted": sorted,
    "First": lambda items: items[:1],
    "Last": lambda items: items[-1:],
    "Second": lambda items: items[1:2],
    "Number": lambda items: [COUNTS[len(items)]],
    "Rotated": lambda items: items[1:] + items[:1],
    "Ends": lambda items: [items[0], items[-1]],
}
"""What is to be done with a list, by the word that asks for it."""


@dataclass(frozen=True)
class LengthCliff(Family):
    """Problems times lengths times instances; the readout is the right answer's log-probability, in nats a token.

    Attributes:
        problems: how many problems.
        shots: how many demonstrations each has.
        demonstrated: the lengths of demonstrated lists, both ends included.
        lengths: the lengths that are asked about.
        instances: how many lists of each length.
    """

    name: ClassVar[str] = "length_cliff"
    split: ClassVar[Split] = "test"
    data_sets: ClassVar[tuple[str, ...]] = tuple(ITEMS)

    problems: int = 8
    shots: int = 6
    demonstrated: tuple[int, int] = (2, 4)
    lengths: tuple[int, ...] = (2, 3, 4, 5, 6, 8, 10, 12)
    instances: int = 14

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        items = ITEMS[data_set]
        longest = max(*self.lengths, *self.demonstrated)
        if longest >= len(COUNTS) or min(*self.lengths, *self.demonstrated) < 2 or self.problems > len(PROBLEMS):
            raise TaskError(
                f"{self.name}: {self.problems} problems on lists of up to {longest}; there are {len(PROBLEMS)} "
                f"problems, and lists of 2 to {len(COUNTS) - 1}"
            )
        falling = sorted(self.lengths, reverse=True)  # a crossing is the first step from which values stay above
        runs: list[Run] = []
        rows: list[tuple[float, ...]] = []
        for problem, which in enumerate(generator.permutation(len(PROBLEMS))[: self.problems]):
            word, solve = list(PROBLEMS.items())[which]
            low, high = self.demonstrated
            shown = [_draw(items, low + number % (high - low + 1), generator) for number in range(self.shots)]
            lines = (f"List: {', '.join(each)}\n{word}: {', '.join(solve(each))}\n" for each in shown)
            opening = (encode.bos, *encode("".join(lines)))
            for step, length in enumerate(falling):
                for instance in range(self.instances):
                    asked = _draw(items, length, generator)
                    prompt = (*opening, *encode(f"List: {', '.join(asked)}\n{word}:"))
                    answer = encode(f" {', '.join(solve(asked))}\n")
                    runs.append(Run(prompt + answer, SpanLogprob(len(prompt), mean=True)))
                    rows.append((problem, int(which), step, instance, length, len(answer)))
        names: list[tuple[str, Role]] = [("problem", "arm"), ("kind", "trait"), ("step", "arm")]
        names += [("instance", "nuisance"), ("length", "covariate"), ("answer_tokens", "covariate")]
        functional = StayingCrossing("problem", "step", WORKS)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure_of(names, rows), functional)


def _draw(items: tuple[str, ...], count: int, generator: np.random.Generator) -> list[str]:
    return [items[i] for i in generator.permutation(len(items))[:count]]


FAMILIES.add(LengthCliff.name, LengthCliff())
