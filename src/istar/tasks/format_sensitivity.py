"""Family `format_sensitivity`: how much does the score of a prompt depend on spurious features of its format?

Formats that mean the same can score very differently (Sclar et al., Quantifying language models' sensitivity to
spurious features in prompt design, 2024). A question holds a few shots and many examples of one relation under every
format of a small grammar: the casing of field names, what separates a name from its value, whether a space follows,
and what joins the fields of an example. A format's score is the mean log-probability of the right answer. The answer
is the spread of the scores over formats, and their 10th percentile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np

from istar.questions import ArmSpread, Question, Role, Run, SpanLogprob
from istar.tasks.data.kinds import lexicon
from istar.tasks.data.numbers import arithmetic
from istar.tasks.data.relations import Relation
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

RELATIONS: dict[str, Callable[[], tuple[Relation, ...]]] = {"lexicon": lexicon, "numbers": arithmetic}

FIELDS = (("input", "output"), ("item", "result"), ("question", "answer"), ("given", "wanted"), ("x", "y"))
"""Names of an example's two fields; each question has one of these pairs."""

CASINGS: tuple[Callable[[str], str], ...] = (str.lower, str.capitalize, str.upper)
SEPARATORS = (":", " -", " =", "::", " >>", " |", ")", "\n")
SPACES = ("", " ")
JOINERS = ("\n", " ; ", " || ", ", ", "\t", " -- ", " <sep> ")

Format = tuple[int, int, int, int]
"""Entries of the grammar: casing, separator, space, joiner."""


@dataclass(frozen=True)
class FormatSensitivity(Family):
    """A grammar of formats times examples; the readout is the log-probability of the answer, in nats.

    Attributes:
        levels: how many casings, separators, spaces and joiners a question's grammar crosses.
        shots: the range of the number of shots, both ends included.
        examples: the number of examples, exchangeable replicates.
    """

    name: ClassVar[str] = "format_sensitivity"
    split: ClassVar[Split] = "train"
    data_sets: ClassVar[tuple[str, ...]] = tuple(RELATIONS)

    levels: Format = (2, 4, 2, 3)
    shots: tuple[int, int] = (2, 3)
    examples: int = 28

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        relations = RELATIONS[data_set]()
        relation = relations[index % len(relations)]  # each question another, until all have had their turn
        fields = FIELDS[generator.integers(len(FIELDS))]
        sizes = (len(CASINGS), len(SEPARATORS), len(SPACES), len(JOINERS))
        chosen = [np.sort(generator.permutation(n)[:k]).tolist() for n, k in zip(sizes, self.levels, strict=True)]
        count = int(generator.integers(*self.shots, endpoint=True))
        drawn = generator.permutation(len(relation.pairs))[: count + self.examples]
        if len(drawn) < count + self.examples:
            raise TaskError(
                f"{self.name}: {count} shots and {self.examples} examples of the {relation.asked}, of which there are "
                f"{len(relation.pairs)}; lower one of them"
            )
        pairs = [relation.pairs[i] for i in drawn]
        runs, rows = [], []
        for arm, levels in enumerate(product(*(range(level) for level in self.levels))):
            entries = [choice[level] for choice, level in zip(chosen, levels, strict=True)]
            parts = [_example(encode, fields, entries, pair) for pair in pairs]
            end = encode("\n\n")
            prefix = (encode.bos, *(token for asked, answer in parts[:count] for token in asked + answer + end))
            for number, (asked, answer) in enumerate(parts[count:]):
                prompt = prefix + asked
                runs.append(Run(prompt + answer, SpanLogprob(len(prompt))))
                rows.append((arm, *levels, number, len(answer)))
        names: list[tuple[str, Role]] = [("format", "arm"), ("casing", "trait"), ("separator", "trait")]
        names += [("space", "trait"), ("joiner", "trait"), ("example", "nuisance"), ("answer_length", "covariate")]
        functional = ArmSpread("format", ("spread", "low"))
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure_of(names, rows), functional)


def _example(
    encode: Encoder, fields: tuple[str, str], entries: list[int], pair: tuple[str, str]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the tokens of an example up to the answer, and those of the answer; `entries` are the format's."""
    casing, separator, space = CASINGS[entries[0]], SEPARATORS[entries[1]], SPACES[entries[2]]
    first, second = (encode(casing(field) + separator) for field in fields)
    word, answer = (encode(space + text) for text in pair)
    return first + word + encode(JOINERS[entries[3]]) + second, answer


FAMILIES.add(FormatSensitivity.name, FormatSensitivity())
