"""Family `layer_knockout`: which layers does a behaviour need?

The attention or the MLP of one block is left out, one at a time, and the model answers the same few-shot queries. The
answer is what leaving each out does to the log-probability of the right answer, scored for size and for order: which
layers can be dropped (Gromov et al., The unreasonable ineffectiveness of the deeper layers, 2024), by attention and MLP
apart (He et al., What matters in transformers? Not all attention is needed, 2024). Queries of `relations` ask for the
word that stands in a relation to a given one, those of `remarks` for praise or blame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from istar.questions import Ablate, ArmRanking, Question, Role, Run, SpanLogprob
from istar.tasks.data.depths import draw_depths
from istar.tasks.data.kinds import lexicon
from istar.tasks.data.remarks import remarks
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

PARTS: tuple[Literal["attention", "mlp"], ...] = ("attention", "mlp")
ARROW = " ->"
LABELS = ("positive", "negative")


@dataclass(frozen=True)
class LayerKnockout(Family):
    """Parts times openings times queries; the readout is the log-probability of the query's answer, in nats.

    Attributes:
        depths: how many depths, the first block and one drawn from each other of as many equal shares of the network.
        openings: how many different openings.
        shots: how many examples an opening has.
        queries: how many queries, each after every opening.
        longest: the greatest number of tokens of an example's or a query's text and answer.
    """

    name: ClassVar[str] = "layer_knockout"
    split: ClassVar[Split] = "train"
    data_sets: ClassVar[tuple[str, ...]] = ("relations", "remarks")

    depths: int = 30
    openings: int = 2
    shots: int = 4
    queries: int = 16
    longest: int = 10

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        pairs = self._pairs(data_set, encode, generator, index)
        shown = self.openings * self.shots
        if len(pairs) < shown + self.queries:
            raise TaskError(
                f"{self.name}/{data_set} has {len(pairs)} pairs, too few for {self.openings} openings of {self.shots} "
                f"and {self.queries} queries; lower one of them"
            )
        lines = [encode(text) + encode(ARROW) + encode(f" {answer}") + encode("\n") for text, answer in pairs[:shown]]
        openings = [
            (encode.bos, *(token for line in lines[number :: self.openings] for token in line))
            for number in range(self.openings)
        ]
        # knockout 0 is the model as it is
        knockouts: list[tuple[int, int, float, Ablate | None]] = [(0, 0, 0.0, None)]
        for place, depth in enumerate(draw_depths(generator, self.depths)):
            knockouts += [(1 + place, 1 + part, depth, Ablate(depth, name)) for part, name in enumerate(PARTS)]
        runs: list[Run] = []
        rows: list[tuple[float, ...]] = []
        for knockout, (place, part, depth, change) in enumerate(knockouts):
            for opening, before in enumerate(openings):
                for query, (text, answer) in enumerate(pairs[shown : shown + self.queries]):
                    prompt = before + encode(text) + encode(ARROW)
                    runs.append(Run(prompt + encode(f" {answer}"), SpanLogprob(len(prompt)), change))
                    rows.append((knockout, place, part, opening, query, depth))
        names: list[tuple[str, Role]] = [("knockout", "arm"), ("block", "trait"), ("part", "trait")]
        names += [("opening", "nuisance"), ("query", "nuisance"), ("depth", "covariate")]
        functional = ArmRanking("knockout", reference=True)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure_of(names, rows), functional)

    def _pairs(
        self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int
    ) -> list[tuple[str, str]]:
        """Return texts and answers in a drawn order, none of them long; each question has another relation."""
        known = lexicon()
        pairs = (
            list(known[index % len(known)].pairs)
            if data_set == "relations"
            else [(remark.text, LABELS[not remark.positive]) for remark in remarks()]
        )
        pairs = [pairs[i] for i in generator.permutation(len(pairs))]
        return [each for each in pairs if len(encode(each[0])) + len(encode(f" {each[1]}")) <= self.longest]


FAMILIES.add(LayerKnockout.name, LayerKnockout())
