"""Family `head_knockout`: which attention heads does a behaviour need?

Each of many heads is left out, one at a time, and the model answers the same examples. The answer is what leaving each
head out does to the log-probability of the right answer, scored for size and for order: the question of circuit
discovery (Wang et al., Interpretability in the wild: a circuit for indirect object identification in GPT-2 small,
2022). Examples of `givers` end with the name of the one of two people who was named once; examples of `lists` go
through a list of words a second time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.questions import AblateHead, ArmRanking, Question, Role, Run, SpanLogprob
from istar.tasks.data.first_names import ANIMALS, FOOD, GIFTS, NAMES, PLACES, event
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

Example = tuple[tuple[int, ...], tuple[int, ...]]
"""Prompt and answer."""

WORDS = (*PLACES, *GIFTS, *ANIMALS, *FOOD)
LISTED = 8
"""Words of a list."""


@dataclass(frozen=True)
class HeadKnockout(Family):
    """Heads times examples; the readout is the log-probability of the right answer, in nats.

    Attributes:
        depths: how many depths, drawn one from each of as many equal shares of the network.
        heads: how many heads at each, drawn one from each of as many equal shares of a block's heads.
        examples: how many examples.
    """

    name: ClassVar[str] = "head_knockout"
    split: ClassVar[Split] = "test"
    data_sets: ClassVar[tuple[str, ...]] = ("givers", "lists")

    depths: int = 15
    heads: int = 6
    examples: int = 9

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        if not 1 <= self.examples <= len(NAMES):
            raise TaskError(f"{self.name}: {self.examples} examples; there are 1 to {len(NAMES)}")
        depths = (np.arange(self.depths) + generator.random(self.depths)) / self.depths
        made = _giver if data_set == "givers" else _list
        examples = [made(encode, generator) for _ in range(self.examples)]
        # knockout 0 is the model as it is
        knockouts: list[tuple[int, float, AblateHead | None]] = [(0, 0.0, None)]
        for place, depth in enumerate(map(float, depths)):
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


def _giver(encode: Encoder, generator: np.random.Generator) -> Example:
    told = event(generator)
    return (encode.bos, *encode(told.text)), encode(f" {told.answer}")


def _list(encode: Encoder, generator: np.random.Generator) -> Example:
    """Return a list and its beginning once more; the word that comes next is the answer."""
    words = [WORDS[i] for i in generator.permutation(len(WORDS))[:LISTED]]
    place = int(generator.integers(1, LISTED))
    text = f"{' '.join(words).capitalize()}. {' '.join(words[:place]).capitalize()}"
    return (encode.bos, *encode(text)), encode(f" {words[place]}")


FAMILIES.add(HeadKnockout.name, HeadKnockout())
