"""Family `prompt_ceiling`: how well does the best prompt of a grammar do?

The source document names the task: "estimate an upper-bound on performance elicited after prompt optimisation". A
question asks one relation of words (the plural, the last letter) or of countries (the capital, the calling code). Its
grammar crosses instructions, frames and demonstrations; performance is the log-probability of the right answer, in
nats, per example. The best prompt is chosen on the examples of even number and measured on those of odd number, so
that the ceiling carries no winner's curse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np

from istar.questions import BestArmMean, Question, Role, Run, SpanLogprob
from istar.tasks.data.places import attributes
from istar.tasks.data.relations import Relation
from istar.tasks.data.words import operations
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

RELATIONS: dict[str, Callable[[], tuple[Relation, ...]]] = {"places": attributes, "words": operations}

INSTRUCTIONS = (
    "",
    "Write the {asked} of the word.\n",
    "Exercise.\n",
    "Question: what is the {asked}?\n",
    "List of words:\n",
    "Give the {asked}.\n",
    "Some words and their {asked}:\n",
    "Complete the table.\n",
)
FRAMES = (
    ("", " ->"),
    ("Word: ", "\nAnswer:"),
    ("The {asked} of ", " is"),
    ("", ":"),
    ("{asked} of ", ":"),
    ("Q: ", "\nA:"),
    ("", " becomes"),
    ('For "', '" we write'),
)
DEMONSTRATIONS = ((), (0,), (1,), (2,), (0, 1), (1, 2), (2, 0), (2, 1))
"""Which of a question's three demonstration words a prompt shows."""


@dataclass(frozen=True)
class PromptCeiling(Family):
    """A grammar of prompts times examples.

    Attributes:
        levels: how many instructions, frames and demonstrations a question's grammar crosses.
        examples: the number of examples.
    """

    name: ClassVar[str] = "prompt_ceiling"
    split: ClassVar[Split] = "validation"
    data_sets: ClassVar[tuple[str, ...]] = tuple(RELATIONS)

    levels: tuple[int, int, int] = (4, 4, 4)
    examples: int = 32

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        relations = RELATIONS[data_set]()
        relation = relations[index % len(relations)]  # each question another, until all have had their turn
        sizes = (len(INSTRUCTIONS), len(FRAMES), len(DEMONSTRATIONS))
        chosen = [np.sort(generator.permutation(n)[:k]) for n, k in zip(sizes, self.levels, strict=True)]
        shown, examples = self._drawn(relation, generator)
        runs, rows = [], []
        for arm, levels in enumerate(product(*(range(count) for count in self.levels))):
            traits = tuple(int(choice[level]) for choice, level in zip(chosen, levels, strict=True))
            for number, example in enumerate(examples):
                run = _run(encode, relation.asked, traits, shown, example)
                runs.append(run)
                rows.append((arm, *levels, number, len(run.tokens)))
        names: list[tuple[str, Role]] = [("prompt", "arm"), ("instruction", "trait"), ("frame", "trait")]
        names += [("demonstration", "trait"), ("example", "nuisance"), ("length", "covariate")]
        functional = BestArmMean("prompt", "example")
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure_of(names, rows), functional)

    def _drawn(self, relation: Relation, generator: np.random.Generator) -> tuple[list[Pair], list[Pair]]:
        """Return the pairs that prompts may show, and those that performance is measured on."""
        pairs = [relation.pairs[i] for i in generator.permutation(len(relation.pairs))]
        shown = 1 + max(number for demonstration in DEMONSTRATIONS for number in demonstration)
        if not 2 <= self.examples <= len(pairs) - shown:
            raise TaskError(
                f"{self.name}: {self.examples} examples of the {relation.asked}, but there must be 2 at least, one for "
                f"each half, and {len(pairs) - shown} at most"
            )
        return pairs[:shown], pairs[shown : shown + self.examples]


Pair = tuple[str, str]


def _run(encode: Encoder, asked: str, traits: tuple[int, ...], shown: list[Pair], example: Pair) -> Run:
    """Return the run of a prompt on an example; `traits` number the grammar's entries."""
    opening, closing = (encode(text.format(asked=asked)) for text in FRAMES[traits[1]])
    prompt = (encode.bos, *encode(INSTRUCTIONS[traits[0]].format(asked=asked)))
    for number in DEMONSTRATIONS[traits[2]]:
        word, answer = shown[number]
        prompt += opening + encode(word) + closing + encode(f" {answer}\n")
    prompt += opening + encode(example[0]) + closing
    return Run(prompt + encode(f" {example[1]}"), SpanLogprob(len(prompt)))


FAMILIES.add(PromptCeiling.name, PromptCeiling())
