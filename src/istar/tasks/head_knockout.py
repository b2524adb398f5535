"""Family `head_knockout`: which attention heads does a behaviour need?

Each of many heads is left out, one at a time, and the model answers the same examples. The answer is what leaving each
head out does to the log-probability of the right answer, scored for size and for order: the question of circuit
discovery (Wang et al., Interpretability in the wild: a circuit for indirect object identification in GPT-2 small,
2022). Examples of `givers` end with the name of the one of two people who was named once; examples of `lists` go
through a list of words a second time.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.questions import AblateHead, ArmRanking, Question, Role, Run, SpanLogprob
from istar.tasks.data.depths import draw_depths
from istar.tasks.data.first_names import ANIMALS, FOOD, GIFTS, NAMES, PLACES, event
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

Example = tuple[tuple[int, ...], tuple[int, ...]]
"""Prompt and answer."""

WORDS = (*PLACES, *GIFTS, *ANIMALS, *FOOD)
LISTED = 10
"""Words of a list."""

SHOWN = 3
"""Whole sentences before one that ends with a name."""

READ = 4
"""How many examples are read off one list, which are its second time around up to different words."""


@dataclass(frozen=True)
class HeadKnockout(Family):
    """Heads times examples; the readout is the log-probability of the right answer, in nats.

    Attributes:
        depths: how many depths, the first block and one drawn from each other of as many equal shares of the network.
        heads: how many heads at each, drawn one from each of as many equal shares of a block's heads.
        examples: how many examples.
    """

    name: ClassVar[str] = "head_knockout"
    split: ClassVar[Split] = "test"
    data_sets: ClassVar[tuple[str, ...]] = ("givers", "lists")

    depths: int = 12
    heads: int = 4
    examples: int = 30

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        if not 1 <= self.examples <= len(NAMES):
            raise TaskError(f"{self.name}: {self.examples} examples; there are 1 to {len(NAMES)}")
        depths = draw_depths(generator, self.depths)
        made = _givers if data_set == "givers" else _lists
        examples = list(itertools.islice(made(encode, generator), self.examples))
        # knockout 0 is the model as it is
        knockouts: list[tuple[int, float, AblateHead | None]] = [(0, 0.0, None)]
        for place, depth in enumerate(depths):
            heads = (np.arange(self.heads) + generator.random(self.heads)) / self.heads
            knockouts += [(1 + place, depth, AblateHead(depth, head)) for head in map(float, heads)]
        runs: list[Run] = []
        rows: list[tuple[float, ...]] = []
        for knockout, (place, depth, change) in enumerate(knockouts):
            for number, (prompt, answer) in enumerate(examples):
                runs.append(Run(prompt + answer, SpanLogprob(len(prompt)), change))
                rows.append((knockout, place, number, depth))
        names: list[tuple[str, Role]] = [("knockout", "arm"), ("block", "trait"), ("example", "nuisance")]
        structure = structure_of([*names, ("depth", "covariate")], rows)
        functional = ArmRanking("knockout", reference=True)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure, functional)


def _givers(encode: Encoder, generator: np.random.Generator) -> Iterator[Example]:
    """Yield sentences up to the name at their end, each after the same whole ones."""
    shown = [event(generator) for _ in range(SHOWN)]
    opening = (encode.bos, *encode(" ".join(f"{each.text} {each.answer}." for each in shown)))
    while True:
        told = event(generator)
        yield (*opening, *encode(f" {told.text}")), encode(f" {told.answer}")


def _lists(encode: Encoder, generator: np.random.Generator) -> Iterator[Example]:
    """Yield a list with some of its words once more, and the word that comes next; a few of each list."""
    while True:
        words = [WORDS[i] for i in generator.permutation(len(WORDS))[:LISTED]]
        said = [encode(f" {word}" + "," * (place < LISTED - 1)) for place, word in enumerate(words)]
        opening = (encode.bos, *encode("List:"), *itertools.chain(*said), *encode("\nCopy:"))
        for place in np.sort(generator.permutation(LISTED)[:READ]):
            yield (*opening, *itertools.chain(*said[:place])), encode(f" {words[place]}")


FAMILIES.add(HeadKnockout.name, HeadKnockout())
