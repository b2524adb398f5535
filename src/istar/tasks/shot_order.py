"""Family `shot_order`: how much does the order of few-shot examples matter?

The same examples ("shots") in another order can make a model good or bad at a task (Lu et al., Fantastically ordered
prompts and where to find them, 2022). A question holds a few shots, some with a wrong answer, in many drawn orders; an
order's score is the mean log-probability of the right answer over queries. The answer is the mean of the scores, their
spread, and the best of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial
from typing import ClassVar

import numpy as np

from istar.questions import ArmSpread, Question, Role, Run, SpanLogprob
from istar.tasks.data.kinds import lexicon
from istar.tasks.data.remarks import remarks
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

ARROW = " ->"
LABELS = (("positive", "negative"), ("good", "bad"), ("great", "terrible"), ("yes", "no"))
"""What praise and blame are called; each question has one of these pairs."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class ShotOrder(Family):
    """Orders of a few shots times queries; the readout is the log-probability of the query's answer, in nats.

    Attributes:
        shots: the range of the number of shots, both ends included.
        mislabelled: the range of how many shots have a wrong answer, both ends included.
        orders: how many different orders, drawn at random.
        queries: the number of queries, exchangeable replicates.
        longest: the greatest number of tokens of a shot's or a query's text and answer.
        share: the range of the share of praise among the remarks of a question.
    """

    name: ClassVar[str] = "shot_order"
    split: ClassVar[Split] = "train"
    data_sets: ClassVar[tuple[str, ...]] = ("words", "remarks")

    shots: tuple[int, int] = (5, 7)
    mislabelled: tuple[int, int] = (1, 4)
    orders: int = 48
    queries: int = 40
    longest: int = 8
    share: tuple[float, float] = (0.2, 0.8)

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        source = _words(index, generator) if data_set == "words" else _remarks(self.share, generator)
        pairs = [p for p in source if len(encode(p[0])) + len(encode(" " + p[1])) <= self.longest]
        count = int(generator.integers(*self.shots, endpoint=True))
        if len(pairs) < count + self.queries:
            raise TaskError(
                f"{self.name}/{data_set} has {len(pairs)} pairs, too few for {count} shots and "
                f"{self.queries} queries; lower one of them"
            )
        shots, queries = pairs[:count], pairs[count : count + self.queries]
        wrong = generator.permutation(count)[: generator.integers(*self.mislabelled, endpoint=True)]
        for shot in wrong:
            others = sorted({answer for _, answer in pairs} - {shots[shot][1]})
            shots[shot] = (shots[shot][0], others[generator.integers(len(others))])
        lines = [encode(text) + encode(ARROW) + encode(f" {answer}") + encode("\n") for text, answer in shots]
        runs, rows = [], []
        for number, order in enumerate(_orders(count, self.orders, generator)):
            prefix = (encode.bos, *(token for shot in order for token in lines[shot]))
            place = float(np.mean([order.index(shot) for shot in wrong])) / (count - 1)
            for query, (text, answer) in enumerate(queries):
                prompt = prefix + encode(text) + encode(ARROW)
                runs.append(Run(prompt + encode(f" {answer}"), SpanLogprob(len(prompt))))
                rows.append((number, order[0], order[-1], query, place))
        names: list[tuple[str, Role]] = [("order", "arm"), ("first", "trait"), ("last", "trait")]
        names += [("query", "nuisance"), ("wrong_place", "covariate")]
        functional = ArmSpread("order", ("mean", "spread", "best"))
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure_of(names, rows), functional)


def _orders(shots: int, count: int, generator: np.random.Generator) -> list[tuple[int, ...]]:
    """Return different orders of the shots, or all there are if those are fewer."""
    orders: dict[tuple[int, ...], None] = {}
    while len(orders) < min(count, factorial(shots)):
        orders.setdefault(tuple(generator.permutation(shots).tolist()))
    return list(orders)


def _words(index: int, generator: np.random.Generator) -> list[Pair]:
    """Return the pairs of one relation in a drawn order; each question another, until all have had their turn."""
    relations = lexicon()
    pairs = relations[index % len(relations)].pairs
    return [pairs[i] for i in generator.permutation(len(pairs))]


def _remarks(share: tuple[float, float], generator: np.random.Generator) -> list[Pair]:
    """Return remarks, about a drawn share of them praise, in a drawn order with what they are called."""
    known = remarks()
    labels = LABELS[generator.integers(len(LABELS))]
    praise = generator.uniform(*share)
    order = [known[i] for i in generator.permutation(len(known))]
    weights = np.array([praise if remark.positive else 1 - praise for remark in order])
    kept = generator.random(len(order)) * weights.max() < weights  # about as many praise as blame before
    return [(remark.text, labels[not remark.positive]) for remark, there in zip(order, kept, strict=True) if there]


FAMILIES.add(ShotOrder.name, ShotOrder())
