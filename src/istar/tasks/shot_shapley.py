"""Family `shot_shapley`: how much is each few-shot example worth?

A prompt holds examples ("shots") in a fixed order, some with a wrong answer. The game's value of a subset of shots is
the mean score of the right answer over queries, and the answer to the question is every shot's Shapley value, exact
over all subsets. The source document names the task: "given a few-shot task which can be scored in an automated
fashion, predict the Shapley value for each few-shot example".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.questions import Question, Role, Run, ShapleyValues, SpanLogprob
from istar.tasks.data.places import capitals
from istar.tasks.data.words import opposites
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

PAIRS = {"antonyms": opposites, "capitals": capitals}
ARROW = " ->"


@dataclass(frozen=True)
class ShotShapley(Family):
    """All subsets of a few shots times queries; the readout is the log-probability of the query's answer, in nats.

    Attributes:
        shots: the number of shots, the players.
        mislabelled: the range of how many shots have a wrong answer, both ends included.
        queries: the number of queries, exchangeable replicates.
        pool: how many pairs to draw from at least: the cheapest in tokens, with all that are as cheap as the last.
    """

    name: ClassVar[str] = "shot_shapley"
    split: ClassVar[Split] = "train"
    data_sets: ClassVar[tuple[str, ...]] = tuple(PAIRS)

    shots: int = 8
    mislabelled: tuple[int, int] = (2, 3)
    queries: int = 16
    pool: int = 56

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        pairs = self._short_pairs(data_set, encode)
        drawn = generator.permutation(len(pairs))[: self.shots + self.queries]
        shots = [pairs[i] for i in drawn[: self.shots]]
        queries = [pairs[i] for i in drawn[self.shots :]]
        wrong = generator.permutation(self.shots)[: generator.integers(*self.mislabelled, endpoint=True)]
        answers = [answer for _, answer in shots]
        for shot in wrong:
            others = [answer for _, answer in pairs if answer not in (*shots[shot], shots[shot][1])]
            answers[shot] = others[generator.integers(len(others))]
        lines = [
            encode(word) + encode(ARROW) + encode(f" {answer}") + encode("\n")
            for (word, _), answer in zip(shots, answers, strict=True)
        ]
        runs, rows = [], []
        for coalition in range(2**self.shots):
            present = [coalition >> shot & 1 for shot in range(self.shots)]
            shown = (line for line, there in zip(lines, present, strict=True) if there)
            prefix = (encode.bos, *(token for line in shown for token in line))
            for query, (word, answer) in enumerate(queries):
                prompt = prefix + encode(word) + encode(ARROW)
                runs.append(Run(prompt + encode(f" {answer}"), SpanLogprob(len(prompt))))
                rows.append((*present, query))
        names: list[tuple[str, Role]] = [(f"shot_{shot}", "switch") for shot in range(self.shots)]
        structure = structure_of([*names, ("query", "nuisance")], rows)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure, ShapleyValues())

    def _short_pairs(self, data_set: str, encode: Encoder) -> list[tuple[str, str]]:
        pairs = PAIRS[data_set]()
        if len(pairs) < self.shots + self.queries:
            raise TaskError(
                f"{self.name}/{data_set} has {len(pairs)} pairs, too few for {self.shots} shots and "
                f"{self.queries} queries; lower one of them"
            )
        costs = [len(encode(word)) + len(encode(f" {answer}")) for word, answer in pairs]
        dearest = sorted(costs)[: max(self.pool, self.shots + self.queries)][-1]
        return [pair for pair, cost in zip(pairs, costs, strict=True) if cost <= dearest]


FAMILIES.add(ShotShapley.name, ShotShapley())
