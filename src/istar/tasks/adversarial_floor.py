"""Family `adversarial_floor`: how badly can a single word break an answer, and where?

A context holds what is needed to answer a query. Each word of it, at some positions, is replaced by each of many other
words, and the score is the log-probability of the right answer. The answer to the question is the worst score that one
replacement reaches, and the worst at each position: what a search for adversarial examples by word substitution looks
for (Jin et al., Is BERT really robust?, 2020). With `symbols`, every symbol is replaced by every other, and every query
is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.questions import Floors, Question, Role, Run, SpanLogprob
from istar.tasks.data import symbols
from istar.tasks.data.frequency import log_frequency, plain_words
from istar.tasks.data.statements import Statement, nationality_examples, portrait
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

OWN_CLASS = 0.25
"""Share of the substitutes that are of the class of one of the replaced words, as far as there are enough."""

COMMON = 6000
"""The other substitutes are drawn from so many of the most frequent words."""


@dataclass(frozen=True)
class AdversarialFloor(Family):
    """Positions times substitutes; the readout is the log-probability of the right answer, in nats.

    Attributes:
        positions: how many words may be replaced, the last ones of the context.
        substitutes: how many words take the place of each.
        lines: how many examples a context of symbols has, with its header.
    """

    name: ClassVar[str] = "adversarial_floor"
    split: ClassVar[Split] = "validation"
    data_sets: ClassVar[tuple[str, ...]] = ("nationalities", "portraits", symbols.NAME)
    homes: ClassVar[dict[str, str]] = {symbols.NAME: symbols.HOME}

    positions: int = 16
    substitutes: int = 128
    lines: int = 8

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        if data_set == symbols.NAME:
            runs, names, rows = self._symbols(encode, generator)
        elif data_set == "portraits":
            runs, names, rows = self._words(portrait(generator), encode, generator)
        else:
            statement = nationality_examples(encode, generator, -(-self.positions // 2))
            runs, names, rows = self._words(statement, encode, generator)
        structure = structure_of(names, rows)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure, Floors("position"))

    def _words(self, statement: Statement, encode: Encoder, generator: np.random.Generator) -> Rows:
        places = statement.open[-self.positions :]
        if len(places) < self.positions:
            raise TaskError(f"{self.name}: a context has {len(places)} words to replace, not {self.positions}")
        substitutes = self._substitutes(statement, encode, generator)
        parts = [encode(part.text) for part in statement.parts]
        query, answer = encode(statement.query), encode(statement.answer)
        runs: list[Run] = []
        rows: list[tuple[float, ...]] = []
        for position, place in enumerate(places):
            part = statement.parts[place]
            before = (encode.bos, *(token for each in parts[:place] for token in each))
            after = (*(token for each in parts[place + 1 :] for token in each), *query)
            for number, word in enumerate(substitutes):
                prompt = before + encode(" " * part.text.startswith(" ") + word) + after
                runs.append(Run(prompt + answer, SpanLogprob(len(prompt))))
                own = word in statement.classes[part.kind]
                rows.append((position, part.kind, number, log_frequency(word.lower()), own))
        names: list[tuple[str, Role]] = [("position", "arm"), ("class", "trait"), ("substitute", "nuisance")]
        return runs, [*names, ("log_frequency", "covariate"), ("own_class", "covariate")], rows

    def _substitutes(self, statement: Statement, encode: Encoder, generator: np.random.Generator) -> list[str]:
        """Return words that the context does not hold: single tokens where there are enough, else the shortest."""
        said = {part.text.strip() for part in statement.parts} | set(statement.query.split()) | {statement.answer[1:]}
        related = dict.fromkeys(word for words in statement.classes for word in words)
        common = [word for word in plain_words()[:COMMON] if word not in related]

        def draw(words: list[str], count: int) -> list[str]:
            order = [words[i] for i in generator.permutation(len(words)) if words[i] not in said]
            # both with and without a space before it, for a word may begin a line
            order.sort(key=lambda word: len(encode(word)) + len(encode(f" {word}")))
            return order[:count]

        chosen = draw(list(related), int(OWN_CLASS * self.substitutes))
        chosen += draw(common, self.substitutes - len(chosen))
        return [chosen[i] for i in generator.permutation(len(chosen))]

    def _symbols(self, encode: Encoder, generator: np.random.Generator) -> Rows:
        rule = symbols.draw_rule(generator)
        lines = symbols.clean_lines(generator, rule, self.lines)
        context = rule.header + "".join(lines)
        kinds = symbols.classes(context)
        asked = symbols.LETTERS if rule.kind != "own" else sorted(line[0] for line in lines)
        runs: list[Run] = []
        rows: list[tuple[float, ...]] = []
        for position, (symbol, kind) in enumerate(zip(context, kinds, strict=True)):
            before, after = map(tuple, (context[:position], context[position + 1 :]))
            for number, substitute in enumerate(symbols.ALPHABET):
                if substitute == symbol:
                    continue
                own = symbols.classes(substitute)[0] == kind
                for key in asked:
                    text = (*before, substitute, *after, *symbols.query(key))
                    prompt = (encode.bos, *(token for each in text for token in encode(each)))
                    runs.append(Run(prompt + encode(rule(key)), SpanLogprob(len(prompt))))
                    rows.append((position, kind, number, symbols.LETTERS.index(key), own))
        names: list[tuple[str, Role]] = [("position", "arm"), ("class", "trait"), ("substitute", "nuisance")]
        return runs, [*names, ("query", "nuisance"), ("own_class", "covariate")], rows


Rows = tuple[list[Run], list[tuple[str, Role]], list[tuple[float, ...]]]
"""Runs, the names and roles of their columns, and the entries of each run."""


FAMILIES.add(AdversarialFloor.name, AdversarialFloor())
