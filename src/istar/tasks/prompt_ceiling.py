"""Family `prompt_ceiling`: how well does the best prompt of a grammar do?

The source document names the task: "estimate an upper-bound on performance elicited after prompt optimisation". The
grammar of a question crosses instructions, frames and a third trait (label words or demonstrations); performance is
the log-odds of the right label or the log-probability of the right word, in nats, per example. The best prompt is
chosen on the examples of even number and measured on those of odd number, so that the ceiling carries no winner's
curse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, Protocol

import numpy as np

from istar.questions import BestArmMean, Question, Role, Run, SpanLogprob, SpanMargin
from istar.tasks.data.reviews import Review, snippets
from istar.tasks.data.words import operations
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

VERDICT_INSTRUCTIONS = (
    "",
    "Decide whether the reviewer liked the film.\n\n",
    "You are a film critic. Read the review and judge it.\n\n",
    "Classify the sentiment of the sentence.\n\n",
    "Task: sentiment analysis.\n\n",
    "Did the audience enjoy it?\n\n",
    "Here is what somebody wrote about a movie.\n\n",
    "Please answer with one word.\n\n",
    "The following text was found on a website about cinema.\n\n",
    "Sentiment can go either way. Be careful with irony.\n\n",
)
VERDICT_FRAMES = (
    ("Review: ", "\nSentiment:"),
    ("", "\nThis film is"),
    ("Text: ", "\nLabel:"),
    ('"', '" The critic found the movie'),
    ("Input: ", "\nOutput:"),
    ("", "\nIn other words, it was"),
    ("Q: ", "\nA:"),
    ("Comment: ", "\nOverall verdict:"),
)
VERDICT_LABELS = (
    (" positive", " negative"),
    (" good", " bad"),
    (" great", " terrible"),
    (" excellent", " awful"),
    (" wonderful", " horrible"),
    (" brilliant", " boring"),
    (" fantastic", " dreadful"),
    (" fun", " dull"),
)
WORD_INSTRUCTIONS = (
    "",
    "Write the {asked} of the word.\n",
    "English exercise.\n",
    "Question: what is the {asked}?\n",
    "List of words:\n",
    "Give the {asked}.\n",
    "Words and their {asked}:\n",
    "Complete the table.\n",
)
WORD_FRAMES = (
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


class _Example(Protocol):
    """Something that performance is measured on."""

    def run(self, encode: Encoder, traits: tuple[int, ...]) -> Run:
        """Return the run of a prompt on this example; `traits` number the grammar's entries."""


@dataclass(frozen=True)
class _Snippet:
    review: Review

    def run(self, encode: Encoder, traits: tuple[int, ...]) -> Run:
        """Return a run that compares the right label with the wrong one."""
        opening, closing = VERDICT_FRAMES[traits[1]]
        good, bad = VERDICT_LABELS[traits[2]]
        right, wrong = (good, bad) if self.review.positive else (bad, good)
        prompt = (encode.bos, *encode(VERDICT_INSTRUCTIONS[traits[0]]), *encode(opening))
        prompt += encode(self.review.text) + encode(closing)
        return Run(prompt + encode(right), SpanMargin(len(prompt), encode(wrong)))


@dataclass(frozen=True)
class _Word:
    asked: str
    pair: tuple[str, str]
    shown: tuple[tuple[str, str], ...]

    def run(self, encode: Encoder, traits: tuple[int, ...]) -> Run:
        """Return a run that scores the right result."""
        opening, closing = (encode(text.format(asked=self.asked)) for text in WORD_FRAMES[traits[1]])
        prompt = (encode.bos, *encode(WORD_INSTRUCTIONS[traits[0]].format(asked=self.asked)))
        for number in DEMONSTRATIONS[traits[2]]:
            word, result = self.shown[number]
            prompt += opening + encode(word) + closing + encode(f" {result}\n")
        prompt += opening + encode(self.pair[0]) + closing
        return Run(prompt + encode(f" {self.pair[1]}"), SpanLogprob(len(prompt)))


@dataclass(frozen=True)
class PromptCeiling(Family):
    """A grammar of prompts times examples.

    Attributes:
        levels: how many instructions, frames and levels of the third trait a question's grammar crosses.
        examples: the number of examples, a multiple of 4 so that both halves hold each class equally often.
        snippet_tokens: the least and greatest length of a review snippet in tokens.
    """

    name: ClassVar[str] = "prompt_ceiling"
    split: ClassVar[Split] = "validation"
    data_sets: ClassVar[tuple[str, ...]] = ("reviews", "words")

    levels: tuple[int, int, int] = (4, 4, 4)
    examples: int = 40
    snippet_tokens: tuple[int, int] = (8, 16)

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        sizes = (len(VERDICT_INSTRUCTIONS), len(VERDICT_FRAMES), len(VERDICT_LABELS))
        if data_set == "words":
            sizes = (len(WORD_INSTRUCTIONS), len(WORD_FRAMES), len(DEMONSTRATIONS))
        chosen = [np.sort(generator.permutation(n)[:k]) for n, k in zip(sizes, self.levels, strict=True)]
        examples: Sequence[_Example] = self._snippets(encode, generator) if data_set == "reviews" else ()
        if data_set == "words":
            examples = self._words(generator, index)
        runs, rows = [], []
        for arm, levels in enumerate(product(*(range(count) for count in self.levels))):
            traits = tuple(int(choice[level]) for choice, level in zip(chosen, levels, strict=True))
            for number, example in enumerate(examples):
                run = example.run(encode, traits)
                runs.append(run)
                rows.append((arm, *levels, number, len(run.tokens)))
        third = "demonstration" if data_set == "words" else "labels"
        names: list[tuple[str, Role]] = [("prompt", "arm"), ("instruction", "trait"), ("frame", "trait")]
        names += [(third, "trait"), ("example", "nuisance"), ("length", "covariate")]
        structure = structure_of(names, rows)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure, BestArmMean("prompt", "example"))

    def _words(self, generator: np.random.Generator, index: int) -> list[_Word]:
        """Return words under one operation, each question's another until all have had their turn."""
        operation = operations()[index % len(operations())]
        pairs = [operation.pairs[i] for i in generator.permutation(len(operation.pairs))]
        shown = len({word for words in DEMONSTRATIONS for word in words})
        wanted = self._fitting(len(pairs) - shown, f"words with a {operation.asked}")
        return [_Word(operation.asked, pair, tuple(pairs[:shown])) for pair in pairs[shown : shown + wanted]]

    def _snippets(self, encode: Encoder, generator: np.random.Generator) -> list[_Snippet]:
        wanted = self._fitting(len(snippets()), "snippets") // 2
        found: dict[bool, list[Review]] = {True: [], False: []}
        for i in generator.permutation(len(snippets())):
            review = snippets()[i]
            shortest, longest = self.snippet_tokens
            if len(found[review.positive]) < wanted and shortest <= len(encode(review.text)) <= longest:
                found[review.positive].append(review)
        if min(map(len, found.values())) < wanted:
            raise TaskError(f"{self.name}/reviews: too few snippets of {self.snippet_tokens} tokens; widen the range")
        # pairs of neighbours share a class, so that even and odd examples are balanced alike
        return [_Snippet(found[number % 4 < 2].pop()) for number in range(self.examples)]

    def _fitting(self, available: int, what: str) -> int:
        if self.examples % 4 or not 4 <= self.examples <= available:
            raise TaskError(
                f"{self.name}: {self.examples} examples, but the number must be a multiple of 4, and there are "
                f"{available} {what}"
            )
        return self.examples


FAMILIES.add(PromptCeiling.name, PromptCeiling())
