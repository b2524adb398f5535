"""Family `rare_output`: how probable is an output that the model almost never gives?

Inputs come from a distribution of short texts, and the answer is the probability, averaged over them, that a rare
output comes next: a word or two that sampling would not show in a million tries. Wu and Hilton (Estimating the
probabilities of rare outputs in language models, 2024) pose the problem and score it by the same loss. With `symbols`,
the inputs are all strings of a length, so that the answer is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from istar.questions import LogMeanProbability, Question, Role, Run, SpanLogprob
from istar.tasks.data import symbols
from istar.tasks.data.frequency import rarity, words_of_frequency
from istar.tasks.data.passages import MARKS
from istar.tasks.data.scripture import books
from istar.tasks.data.sentences import draw_grammar
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

FREQUENCIES = (6.4, 3.2, 5.4, 4.2, 5.9, 3.7, 4.8, 2.8)
"""Log10 frequencies per billion words of the outputs; each question's is another, until all have had their turn."""

WIDTH = 0.1
CANDIDATES = 48
"""So many words of about one frequency are drawn; the output is the one of fewest tokens."""

RARE_SYMBOLS = ("!", "!!", "!2", ">\n", "#", "01", "{a}>{b}", "\n\n")
"""Outputs in the language of symbols, in which `{a}` and `{b}` are random letters; they take turns too."""


@dataclass(frozen=True)
class RareOutput(Family):
    """Inputs and one output after them; the readout is the output's log-probability, in nats.

    Attributes:
        inputs: how many inputs are drawn.
        words: the least and greatest number of words that a text is cut after.
        tokens: the least and greatest length of an input in tokens.
        strings: the length of the strings of symbols that are enumerated.
        opening: the least and greatest length of what stands before them.
    """

    name: ClassVar[str] = "rare_output"
    split: ClassVar[Split] = "validation"
    data_sets: ClassVar[tuple[str, ...]] = ("sentences", "verses", symbols.NAME)
    homes: ClassVar[dict[str, str]] = {symbols.NAME: symbols.HOME}

    inputs: int = 1024
    words: tuple[int, int] = (3, 10)
    tokens: tuple[int, int] = (4, 12)
    strings: int = 3
    opening: tuple[int, int] = (4, 12)

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        if data_set == symbols.NAME:
            inputs, names, rows = self._strings(encode, generator)
            output = _rare_symbols(generator, index)
        else:
            inputs, names, rows = self._openings(data_set, encode, generator)
            output = _rare_word(encode, generator, index)
        runs = [Run((encode.bos, *each, *encode(output)), SpanLogprob(1 + len(each))) for each in inputs]
        roles: list[tuple[str, Role]] = [("input", "nuisance"), *((name, "covariate") for name in names)]
        structure = structure_of(roles, [(number, *row) for number, row in enumerate(rows)])
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure, LogMeanProbability())

    def _openings(self, data_set: str, encode: Encoder, generator: np.random.Generator) -> Inputs:
        """Return distinct beginnings of texts, of random length, and what is known of them."""
        found: dict[tuple[int, ...], tuple[float, ...]] = {}
        for text in _verses(generator) if data_set == "verses" else self._sentences(generator):
            words = text.split()[: int(generator.integers(*self.words, endpoint=True))]
            tokens = encode(" ".join(words))
            if self.tokens[0] <= len(tokens) <= self.tokens[1]:
                found.setdefault(tokens, (len(tokens), rarity(" ".join(words))[0], rarity(words[-1])[0]))
            if len(found) == self.inputs:
                return list(found), ["length", "mean_log_frequency", "last_log_frequency"], list(found.values())
        raise TaskError(
            f"{self.name}/{data_set}: only {len(found)} of {self.inputs} inputs; lower `inputs` or `tokens`"
        )

    def _sentences(self, generator: np.random.Generator) -> Iterator[str]:
        grammar = draw_grammar(generator)
        for _ in range(20 * self.inputs):
            yield grammar.draw(generator)

    def _strings(self, encode: Encoder, generator: np.random.Generator) -> Inputs:
        """Return all strings of symbols after what a document begins with, and what is known of them."""
        begin = encode(symbols.opening(generator, *self.opening))
        strings = symbols.every_string(symbols.ALPHABET, self.strings)
        rows: list[tuple[float, ...]] = []
        for string in strings:
            kinds = symbols.classes(string)
            repeats = sum(left == right for left, right in pairwise(string))
            rows.append((kinds.count(0), kinds.count(1), repeats, kinds[-1] == 0, kinds[-1] == 1))
        names = ["letters", "digits", "repeats", "ends_in_letter", "ends_in_digit"]
        return [(*begin, *encode(string)) for string in strings], names, rows


Inputs = tuple[list[tuple[int, ...]], list[str], list[tuple[float, ...]]]
"""Inputs as tokens, the names of their covariates, and the covariates of each."""


def _verses(generator: np.random.Generator) -> Iterator[str]:
    """Yield the verses of the books, book after book in a drawn order, each book's shuffled."""
    known = books()
    for i in generator.permutation(len(known)):
        verses = known[i][1]
        yield from (verses[j].translate(MARKS) for j in generator.permutation(len(verses)))


def _rare_word(encode: Encoder, generator: np.random.Generator, index: int) -> str:
    known = words_of_frequency(FREQUENCIES[index % len(FREQUENCIES)], WIDTH)
    drawn = [f" {known[i]}" for i in generator.permutation(len(known))[:CANDIDATES]]
    return min(drawn, key=lambda word: len(encode(word)))


def _rare_symbols(generator: np.random.Generator, index: int) -> str:
    a, b = (symbols.LETTERS[i] for i in generator.integers(len(symbols.LETTERS), size=2))
    return RARE_SYMBOLS[index % len(RARE_SYMBOLS)].format(a=a, b=b)


FAMILIES.add(RareOutput.name, RareOutput())
