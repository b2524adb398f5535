"""Family `quantisation_harm`: which blocks bear to be rounded to few bits, and which do not?

The matrices of the attention or the MLP of one block are rounded to few bits, and texts are read with the model that
is left. The answer is how much the loss rises with each place and number of bits, scored for size and for order: the
sensitivity by which mixed-precision quantisation gives each layer its bits (Dong et al., HAWQ: Hessian aware
quantization of neural networks with mixed precision, 2019).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from istar.questions import ArmRanking, Quantise, Question, Role, Run, SpanLoss
from istar.tasks.data.common_facts import FACTS, sentence
from istar.tasks.data.depths import draw_depths
from istar.tasks.data.first_names import BEATS, story
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

PARTS: tuple[Literal["attention", "mlp"], ...] = ("attention", "mlp")


def _statements(generator: np.random.Generator, sentences: int) -> str:
    """Return true statements, each of a subject of its own."""
    known = [
        sentence(wording.format(subject=subject, answer=answer))
        for facts in FACTS.values()
        for subject, answer in facts.pairs
        for wording in [facts.statements[generator.integers(len(facts.statements))]]
    ]
    return " ".join(known[i] for i in generator.permutation(len(known))[:sentences])


TEXTS: dict[str, Callable[[np.random.Generator, int], str]] = {"statements": _statements, "stories": story}


@dataclass(frozen=True)
class QuantisationHarm(Family):
    """Settings times texts; the readout is the loss of the text, in nats a token.

    Attributes:
        depths: how many depths, the first block and one drawn from each other of as many equal shares of the network.
        bits: the numbers of bits.
        texts: how many texts.
        sentences: how many sentences a text has.
    """

    name: ClassVar[str] = "quantisation_harm"
    split: ClassVar[Split] = "test"
    data_sets: ClassVar[tuple[str, ...]] = tuple(TEXTS)

    depths: int = 30
    bits: tuple[int, ...] = (2, 3, 4)
    texts: int = 3
    sentences: int = 5

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        if not 1 <= self.sentences <= len(BEATS):
            raise TaskError(f"{self.name}: texts of {self.sentences} sentences; there are 1 to {len(BEATS)}")
        depths = draw_depths(generator, self.depths)
        texts = [(encode.bos, *encode(TEXTS[data_set](generator, self.sentences))) for _ in range(self.texts)]
        # setting 0 is the model as it is
        settings: list[tuple[int, int, float, Quantise | None]] = [(0, 0, 0.0, None)]
        for depth in depths:
            for part, name in enumerate(PARTS):
                settings += [(1 + part, bits, depth, Quantise(depth, name, bits)) for bits in self.bits]
        runs: list[Run] = []
        rows: list[tuple[float, ...]] = []
        for setting, (part, bits, depth, change) in enumerate(settings):
            for number, tokens in enumerate(texts):
                runs.append(Run(tokens, SpanLoss(), change))
                rows.append((setting, part, bits, number, depth, len(tokens)))
        names: list[tuple[str, Role]] = [("setting", "arm"), ("part", "trait"), ("bits", "trait"), ("text", "nuisance")]
        names += [("depth", "covariate"), ("tokens", "covariate")]
        functional = ArmRanking("setting", reference=True)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure_of(names, rows), functional)


FAMILIES.add(QuantisationHarm.name, QuantisationHarm())
