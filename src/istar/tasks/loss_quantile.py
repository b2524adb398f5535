"""Family `loss_quantile`: how bad is the worst percent of a stream?

The answer is the 0.99 quantile of the sequence loss (mean token NLL) over a stream of sequences, and the mean loss at
or above it. Streams differ: each is drawn from another source and holds another share of faulty sequences, whose words
were shuffled, which is what a user who watches a stream for rare failures would want to know about it. With `symbols`,
the stream is every pair of examples that may follow some others, so that the quantile is that of a whole distribution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.questions import Question, Role, Run, SpanLoss, UpperTail
from istar.tasks.data import symbols
from istar.tasks.data.frequency import rarity
from istar.tasks.data.reviews import held_out_reviews
from istar.tasks.data.scripture import books
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of


@dataclass(frozen=True)
class LossQuantile(Family):
    """A stream of short sequences; the readout is the mean token NLL in nats.

    Attributes:
        sequences: the length of the stream.
        tokens: the least and greatest length of a sequence in any stream.
        window: how many tokens the longest sequence of one stream is longer than its shortest; longer texts are cut.
        faulty: the range of the share of faulty sequences, drawn log-uniformly.
        level: the quantile's level.
        shown: the greatest number of examples before the two that a stream of symbols runs over.
    """

    name: ClassVar[str] = "loss_quantile"
    split: ClassVar[Split] = "validation"
    data_sets: ClassVar[tuple[str, ...]] = ("kjv", "reviews", symbols.NAME)
    homes: ClassVar[dict[str, str]] = {symbols.NAME: symbols.HOME}

    sequences: int = 1024
    tokens: tuple[int, int] = (5, 16)
    window: int = 2
    faulty: tuple[float, float] = (0.001, 0.2)
    level: float = 0.99
    shown: int = 8

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        if data_set == symbols.NAME:
            return self._pairs_of_examples(encode, generator, index)
        low, high = self.faulty
        share = math.exp(generator.uniform(math.log(low), math.log(high)))
        shortest = int(generator.integers(self.tokens[0], self.tokens[1] - self.window, endpoint=True))
        texts = self._verses(generator) if data_set == "kjv" else self._sentences(generator)
        runs: list[Run] = []
        rows: list[tuple[float, ...]] = []
        seen: set[tuple[int, ...]] = set()
        for text in texts:
            words = text.split()
            if generator.random() < share:
                words = [words[i] for i in generator.permutation(len(words))]
            sequence = encode(" ".join(words))[: shortest + self.window]
            if len(sequence) < shortest or sequence in seen:
                continue
            seen.add(sequence)
            runs.append(Run((encode.bos, *sequence), SpanLoss(1)))
            rows.append((len(rows), len(sequence), *rarity(" ".join(words))))
            if len(runs) == self.sequences:
                break
        else:
            raise TaskError(f"{self.name}/{data_set}: only {len(runs)} sequences of {self.sequences}; lower `tokens`")
        names: list[tuple[str, Role]] = [("sequence", "nuisance"), ("length", "covariate")]
        names += [("mean_log_frequency", "covariate"), ("least_log_frequency", "covariate")]
        structure = structure_of(names, rows)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure, UpperTail(self.level))

    def _pairs_of_examples(self, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """Return the question whose stream is every pair of examples after some that follow a rule."""
        begin = symbols.examples(generator, self.shown)
        prefix = (encode.bos, *(token for line in begin for token in encode(line)))
        shown = [line for line in begin if symbols.ARROW in line]
        runs: list[Run] = []
        rows: list[tuple[float, ...]] = []
        for keys_and_answers in symbols.every_string(symbols.LETTERS, 4):
            pair = [symbols.line(*keys_and_answers[:2]), symbols.line(*keys_and_answers[2:])]
            tokens = prefix + encode(pair[0]) + encode(pair[1])
            runs.append(Run(tokens, SpanLoss(len(prefix))))
            before = (shown, [*shown, pair[0]])
            agreeing = sum(line in lines for line, lines in zip(pair, before, strict=True))
            known = sum(any(line[0] == each[0] for each in lines) for line, lines in zip(pair, before, strict=True))
            rows.append((len(rows), agreeing, known - agreeing))
        names: list[tuple[str, Role]] = [("sequence", "nuisance"), ("agreeing", "covariate")]
        structure = structure_of([*names, ("disagreeing", "covariate")], rows)
        return Question(f"{self.name}/{symbols.NAME}", index, tuple(runs), structure, UpperTail(self.level))

    def _verses(self, generator: np.random.Generator) -> list[str]:
        """Return the verses of the books, book after book in a drawn order, each book's shuffled."""
        known = books()
        order = [known[i][1] for i in generator.permutation(len(known))]
        return [verses[i] for verses in order for i in generator.permutation(len(verses))]

    def _sentences(self, generator: np.random.Generator) -> list[str]:
        """Return sentences of short reviews, which no training family uses, in a drawn order."""
        known = held_out_reviews()
        chosen = generator.permutation(len(known))[: self.sequences]
        sentences = [sentence for i in chosen for sentence in known[i].sentences]
        return [sentences[i] for i in generator.permutation(len(sentences))]


FAMILIES.add(LossQuantile.name, LossQuantile())
