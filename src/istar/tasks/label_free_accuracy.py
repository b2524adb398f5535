"""Family `label_free_accuracy`: how accurate and how calibrated is a classifier on a shifted distribution?

Labels are what is missing where a model is put to use, so its accuracy on a new distribution has to be estimated
without (Guillory et al., Predicting with confidence on unseen distributions, 2021; Garg et al., Leveraging unlabeled
data to predict out-of-distribution performance, 2022). The classifier is a prompt with a few shots and two labels. Each
question draws another prompt and another distribution of examples: how they are misspelt or cut short, how strongly,
from where they come, and how rare one of the labels is. The answer is accuracy and expected calibration error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.questions import Calibration, ChoiceProbability, Question, Role, Run
from istar.tasks.data.cities import cities
from istar.tasks.data.remarks import hints, remarks
from istar.tasks.data.shifts import shifted
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

LABELS = (("positive", "negative"), ("good", "bad"), ("great", "terrible"), ("up", "down"))
"""What praise and blame are called."""

OPENINGS = ("", "{0} or {1}?\n", "Say {0} or {1}.\n", "Each is {0} or {1}.\n")
CLOSINGS = (" ->", ":", " =", " |")
MENTIONS = (
    "They moved to {} last year.",
    "{} has an old market.",
    "My aunt lives in {}.",
    "{} was quiet on Sunday.",
    "We stopped in {} for lunch.",
    "It rained all day in {}.",
    "{} lost the final by two goals.",
    "The road to {} was closed.",
)
"""Sentences that mention a city."""

SHIFTS = {
    "remarks": ("none", "typos", "losses", "capitals", "words", "domain"),
    "cities": ("none", "typos", "losses", "capitals", "words"),
}
"""What befalls the texts of a question; `domain` puts sentences without a plain verdict in the place of remarks."""

FEWEST_CITIES = 1100
"""A country with fewer may run out of names: of some nothing new is left by a shift, and long ones are left out."""

Classes = tuple[tuple[str, ...], tuple[str, ...]]
"""The texts of either label."""


@dataclass(frozen=True)
class LabelFreeAccuracy(Family):
    """A stream of examples after one prompt; the readout is the probability of the right one of two labels.

    Attributes:
        examples: the length of the stream.
        shots: the range of the number of shots, both ends included.
        share: the range of the share of the first label.
        longest: the greatest number of tokens of an example before the shift, which may double them; shots are half
            as long at most.
    """

    name: ClassVar[str] = "label_free_accuracy"
    split: ClassVar[Split] = "train"
    data_sets: ClassVar[tuple[str, ...]] = ("cities", "remarks")

    examples: int = 960
    shots: tuple[int, int] = (0, 3)
    share: tuple[float, float] = (0.3, 0.7)
    longest: int = 14

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        labels, classes = _cities(generator) if data_set == "cities" else _remarks(generator)
        shift = SHIFTS[data_set][index % len(SHIFTS[data_set])]  # each question another, until all have had their turn
        strength = float(generator.random())
        opening = OPENINGS[generator.integers(len(OPENINGS))].format(*labels)
        closing = encode(CLOSINGS[generator.integers(len(CLOSINGS))])
        answers = [encode(f" {label}") for label in labels]
        prompt = (encode.bos, *encode(opening))
        share = float(generator.uniform(*self.share))
        streams = [iter(texts) for texts in classes]

        def draw(texts: Iterator[str], longest: int) -> str:
            for text in texts:
                if len(encode(text)) <= longest:
                    return text
            raise TaskError(f"{self.name}/{data_set}: too few texts for {self.examples} examples; lower `examples`")

        for shot in range(int(generator.integers(*self.shots, endpoint=True))):
            label = shot % 2
            prompt += encode(draw(streams[label], self.longest // 2)) + closing + answers[label] + encode("\n")
        far = [iter(texts) for texts in _hints(generator)] if shift == "domain" else streams
        runs: dict[tuple[int, ...], Run] = {}
        rows: list[tuple[float, ...]] = []
        while len(runs) < self.examples:
            label = int(generator.random() >= share)
            source = far if generator.random() < strength else streams
            changed, amount = shifted(draw(source[label], self.longest), shift, strength, generator)
            example = encode(changed)
            asked = prompt + example + closing
            if len(example) > 2 * self.longest or asked in runs:
                continue
            runs[asked] = Run(asked + answers[label], ChoiceProbability(len(asked), (answers[1 - label],)))
            rows.append((len(rows), label, len(example), amount))
        names: list[tuple[str, Role]] = [("example", "nuisance"), ("label", "covariate"), ("length", "covariate")]
        structure = structure_of([*names, ("changed", "covariate")], rows)
        return Question(f"{self.name}/{data_set}", index, tuple(runs.values()), structure, Calibration())


def _shuffled(texts: tuple[str, ...], generator: np.random.Generator) -> tuple[str, ...]:
    return tuple(texts[i] for i in generator.permutation(len(texts)))


def _cities(generator: np.random.Generator) -> tuple[tuple[str, str], Classes]:
    """Return two drawn countries, and for each sentences that mention its cities, in a drawn order."""
    known = cities()
    names = [country for country, places in known.items() if len(places) >= FEWEST_CITIES]
    first, second = (names[i] for i in generator.permutation(len(names))[:2])
    mentioned = (_shuffled(known[country], generator) for country in (first, second))
    one, other = (tuple(MENTIONS[generator.integers(len(MENTIONS))].format(c) for c in each) for each in mentioned)
    return (first, second), (one, other)


def _remarks(generator: np.random.Generator) -> tuple[tuple[str, str], Classes]:
    """Return what praise and blame are called, and remarks of either kind in a drawn order."""
    labels = LABELS[generator.integers(len(LABELS))]
    praise, blame = (tuple(r.text for r in remarks() if r.positive == positive) for positive in (True, False))
    return labels, (_shuffled(praise, generator), _shuffled(blame, generator))


def _hints(generator: np.random.Generator) -> Classes:
    """Return sentences of good and of bad reviews that give the verdict away at most indirectly, in a drawn order."""
    good, bad = (tuple(r.text for r in hints() if r.positive == positive) for positive in (True, False))
    return _shuffled(good, generator), _shuffled(bad, generator)


FAMILIES.add(LabelFreeAccuracy.name, LabelFreeAccuracy())
