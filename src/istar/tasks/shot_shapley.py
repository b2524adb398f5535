"""Family `shot_shapley`: how much is each few-shot example worth?

A prompt holds examples ("shots") in a fixed order, some with a wrong answer. The game's value of a subset of shots is
the mean score of the right answer over queries, and the answer to the question is every shot's Shapley value, exact
over all subsets. The source document names the task: "given a few-shot task which can be scored in an automated
fashion, predict the Shapley value for each few-shot example". With `symbols`, the queries are all there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.questions import Question, Role, Run, ShapleyValues, SpanLogprob
from istar.tasks.data import symbols
from istar.tasks.data.places import capitals
from istar.tasks.data.words import opposites
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

PAIRS = {"antonyms": opposites, "capitals": capitals}
ARROW = " ->"
HABIT = 0.3
"""Share of the questions about symbols that follow the rule which never changes."""


@dataclass(frozen=True)
class ShotShapley(Family):
    """All subsets of a few shots times queries; the readout is the log-probability of the query's answer, in nats.

    Attributes:
        shots: the number of shots, the players.
        mislabelled: the range of how many shots have a wrong answer, both ends included.
        queries: the number of queries, exchangeable replicates; of symbols there are as many as letters.
        pool: how many pairs to draw from at least: the cheapest in tokens, with all that are as cheap as the last.
    """

    name: ClassVar[str] = "shot_shapley"
    split: ClassVar[Split] = "train"
    data_sets: ClassVar[tuple[str, ...]] = (*PAIRS, symbols.NAME)
    homes: ClassVar[dict[str, str]] = {symbols.NAME: symbols.HOME}

    shots: int = 8
    mislabelled: tuple[int, int] = (2, 3)
    queries: int = 16
    pool: int = 56

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        if data_set == symbols.NAME:
            lines, queries = self._symbols(encode, generator)
        else:
            lines, queries = self._words(data_set, encode, generator)
        runs, rows = [], []
        for coalition in range(2**self.shots):
            present = [coalition >> shot & 1 for shot in range(self.shots)]
            shown = (line for line, there in zip(lines, present, strict=True) if there)
            prefix = (encode.bos, *(token for line in shown for token in line))
            for query, (asked, answer) in enumerate(queries):
                prompt = prefix + asked
                runs.append(Run(prompt + answer, SpanLogprob(len(prompt))))
                rows.append((*present, query))
        names: list[tuple[str, Role]] = [(f"shot_{shot}", "switch") for shot in range(self.shots)]
        structure = structure_of([*names, ("query", "nuisance")], rows)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure, ShapleyValues())

    def _words(self, data_set: str, encode: Encoder, generator: np.random.Generator) -> Prompts:
        """Return shots and queries that are pairs of words."""
        pairs = self._short_pairs(data_set, encode)
        drawn = generator.permutation(len(pairs))[: self.shots + self.queries]
        shots = [pairs[i] for i in drawn[: self.shots]]
        queries = [pairs[i] for i in drawn[self.shots :]]
        answers = [answer for _, answer in shots]
        for shot in self._wrong(generator):
            others = [answer for _, answer in pairs if answer not in (*shots[shot], shots[shot][1])]
            answers[shot] = others[generator.integers(len(others))]
        lines = [
            encode(word) + encode(ARROW) + encode(f" {answer}") + encode("\n")
            for (word, _), answer in zip(shots, answers, strict=True)
        ]
        return lines, [(encode(word) + encode(ARROW), encode(f" {answer}")) for word, answer in queries]

    def _symbols(self, encode: Encoder, generator: np.random.Generator) -> Prompts:
        """Return shots with different keys under a rule that one of them can settle, and a query for every key."""
        letters = symbols.LETTERS
        if self.shots > len(letters):
            raise TaskError(f"{self.name}/{symbols.NAME} has {len(letters)} keys, too few for {self.shots} shots")
        rule = symbols.draw_rule(generator, "habit" if generator.random() < HABIT else "shifted")
        keys = [letters[i] for i in generator.permutation(len(letters))[: self.shots]]
        answers = [rule(key) for key in keys]
        for shot in self._wrong(generator):
            others = [letter for letter in letters if letter != answers[shot]]
            answers[shot] = others[generator.integers(len(others))]
        lines = [encode(symbols.line(key, answer)) for key, answer in zip(keys, answers, strict=True)]
        return lines, [(encode(symbols.query(key)), encode(rule(key))) for key in letters]

    def _wrong(self, generator: np.random.Generator) -> list[int]:
        """Return which shots have a wrong answer."""
        wrong = generator.permutation(self.shots)[: generator.integers(*self.mislabelled, endpoint=True)]
        return [int(shot) for shot in wrong]

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


Prompts = tuple[list[tuple[int, ...]], list[tuple[tuple[int, ...], tuple[int, ...]]]]
"""The tokens of each shot, and of each query and its answer."""


FAMILIES.add(ShotShapley.name, ShotShapley())
