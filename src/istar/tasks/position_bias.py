"""Family `position_bias`: does a model prefer options for where they stand?

Asked the same question with its options in another order, a model gives another answer, for it likes some positions or
their marks better than others (Zheng et al., Large language models are not robust multiple choice selectors, 2024).
Every item of a question is put with its four options in all orders, so that each option stands equally often in each
position, and the model answers with an option's words: a small model that is to name a mark instead hardly heeds the
options, and any one prompt shows all of its bias. The answer is the mean probability that the model gives to each
position, a quarter each without bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import ClassVar

import numpy as np

from istar.questions import ArmMeans, ChoiceProbability, Question, Role, Run
from istar.tasks.data.kinds import kinds
from istar.tasks.data.words import opposites
from istar.tasks.family import FAMILIES, Encoder, Family, Split, structure_of

MARKS = (
    ("A.", "B.", "C.", "D."),
    ("(a)", "(b)", "(c)", "(d)"),
    ("1)", "2)", "3)", "4)"),
    ("first:", "second:", "third:", "fourth:"),
    ("-", "-", "-", "-"),
    ("*", "*", "*", "*"),
)
"""What stands before the options."""

CLOSINGS = ("Answer:", "The answer is", "Choice:", "Right:")
ASKED = {
    "kinds": ("Which is a kind of {}?", "Pick the {}:", "Find the {}.", "{}:"),
    "opposites": ("Which is the opposite of {}?", "The opposite of {}:", "Find the opposite of {}.", "{} is not"),
}
OPTIONS = 4

Item = tuple[str, tuple[str, ...]]
"""What is asked about, and the options, the right one first."""


@dataclass(frozen=True)
class PositionBias(Family):
    """All orders of the options times items times positions; the readout is the probability of the option there.

    Attributes:
        items: the number of items.
        shots: the range of the number of items shown with their answers before, both ends included.
    """

    name: ClassVar[str] = "position_bias"
    split: ClassVar[Split] = "train"
    data_sets: ClassVar[tuple[str, ...]] = tuple(ASKED)

    items: int = 40
    shots: tuple[int, int] = (0, 1)

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        layout = _Layout(
            ASKED[data_set][generator.integers(len(ASKED[data_set]))],
            MARKS[generator.integers(len(MARKS))],
            CLOSINGS[generator.integers(len(CLOSINGS))],
        )
        draw = _kind if data_set == "kinds" else _opposite
        items: dict[Item, None] = {}
        count = int(generator.integers(*self.shots, endpoint=True))
        while len(items) < count + self.items:
            items.setdefault(draw(generator))
        orders = list(permutations(range(OPTIONS)))
        prefix: tuple[int, ...] = (encode.bos,)
        for item in list(items)[:count]:
            order = orders[generator.integers(len(orders))]
            asked, answers = layout.tokens(encode, item, order)
            prefix += asked + answers[order.index(0)] + encode("\n\n")
        runs, rows = [], []
        for number, item in enumerate(list(items)[count:]):
            for place, order in enumerate(orders):
                asked, answers = layout.tokens(encode, item, order)
                prompt = prefix + asked
                for position, answer in enumerate(answers):
                    others = tuple(other for other in answers if other != answer)
                    runs.append(Run(prompt + answer, ChoiceProbability(len(prompt), others)))
                    rows.append((position, place, number, order[position] == 0))
        names: list[tuple[str, Role]] = [("position", "arm"), ("order", "nuisance"), ("item", "nuisance")]
        structure = structure_of([*names, ("right", "covariate")], rows)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure, ArmMeans("position"))


@dataclass(frozen=True)
class _Layout:
    """How a question puts its items.

    Attributes:
        asked: what is asked, with a gap.
        marks: of each position.
        closing: stands before the answer.
    """

    asked: str
    marks: tuple[str, ...]
    closing: str

    def tokens(
        self, encode: Encoder, item: Item, order: Sequence[int]
    ) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
        """Return the tokens of an item up to the answer, and those of each position's answer."""
        options = [item[1][option] for option in order]
        asked = encode(self.asked.format(item[0]) + "\n")
        for mark, option in zip(self.marks, options, strict=True):
            asked += encode(mark) + encode(f" {option}\n")
        return asked + encode(self.closing), tuple(encode(f" {option}") for option in options)


def _kind(generator: np.random.Generator) -> Item:
    """Return a drawn kind, a thing of it, and things of three others."""
    known = list(kinds().items())
    chosen = [known[i] for i in generator.permutation(len(known))[:OPTIONS]]
    return chosen[0][0], tuple(things[generator.integers(len(things))] for _, things in chosen)


def _opposite(generator: np.random.Generator) -> Item:
    """Return a drawn word, its opposite, and the opposites of three other words."""
    known = opposites()
    drawn = (known[i] for i in generator.permutation(len(known)))
    word, right = next(drawn)
    options = {right: None}
    while len(options) < OPTIONS:
        other = next(drawn)[1]
        if other != word:
            options.setdefault(other)
    return word, tuple(options)


FAMILIES.add(PositionBias.name, PositionBias())
