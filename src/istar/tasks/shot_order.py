"""Family `shot_order`: how much does the order of few-shot examples matter?

The same examples ("shots") in another order can make a model good or bad at a task (Lu et al., Fantastically ordered
prompts and where to find them, 2022). A question holds a few shots, some with a wrong answer, in many drawn orders; an
order's score is the mean log-probability of the right answer over queries. The answer is the mean of the scores, their
spread, and the best of them.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        alike: the range of how many of every four remarks that are queries have the same one of the two labels.
    """

    name: ClassVar[str] = "shot_order"
    split: ClassVar[Split] = "train"
    data_sets: ClassVar[tuple[str, ...]] = ("words", "remarks")

    shots: tuple[int, int] = (5, 7)
    mislabelled: tuple[int, int] = (1, 4)
    orders: int = 48
    queries: int = 40
    longest: int = 8
    alike: tuple[int, int] = (0, 4)

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        source = _words(index) if data_set == "words" else _remarks(generator)
        source = [source[i] for i in generator.permutation(len(source))]
        pairs = [p for p in source if len(encode(p[0])) + len(encode(" " + p[1])) <= self.longest]
        count = int(generator.integers(*self.shots, endpoint=True))
        shots, queries = pairs[:count], pairs[count:]
        if data_set == "remarks":
            queries = _in_fours(queries, int(generator.integers(*self.alike, endpoint=True)))
        if len(queries) < self.queries:
            raise TaskError(
                f"{self.name}/{data_set} has {len(pairs)} pairs, too few for {count} shots and "
                f"{self.queries} queries; lower one of them"
            )
        wrong = generator.permutation(count)[: generator.integers(*self.mislabelled, endpoint=True)]
        for shot in wrong:
            others = sorted({answer for _, answer in pairs} - {shots[shot][1]})
            shots[shot] = (shots[shot][0], others[generator.integers(len(others))])
        lines = [encode(text) + encode(ARROW) + encode(f" {answer}") + encode("\n") for text, answer in shots]
        runs, rows = [], []
        for number, order in enumerate(_orders(count, self.orders, generator)):
            prefix = (encode.bos, *(token for shot in order for token in lines[shot]))
            place = float(np.mean([order.index(shot) for shot in wrong])) / (count - 1)
            for query, (text, answer) in enumerate(queries[: self.queries]):
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


def _words(index: int) -> Sequence[Pair]:
    """Return the pairs of one relation; each question another, until all have had their turn."""
    relations = lexicon()
    return relations[index % len(relations)].pairs


def _remarks(generator: np.random.Generator) -> Sequence[Pair]:
    """Return remarks with what they are called."""
    labels = LABELS[generator.integers(len(LABELS))]
    return [(remark.text, labels[not remark.positive]) for remark in remarks()]


def _in_fours(pairs: Sequence[Pair], alike: int) -> list[Pair]:
    """Return pairs of two answers such that of every four in a row `alike` have the answer that the first pair has."""
    same = [pair for pair in pairs if pair[1] == pairs[0][1]]
    other = [pair for pair in pairs if pair[1] != pairs[0][1]]
    return [(same if place % 4 < alike else other)[place] for place in range(min(len(same), len(other)))]


FAMILIES.add(ShotOrder.name, ShotOrder())
