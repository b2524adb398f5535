"""Family `prompt_ceiling`: how well does the best prompt of a grammar do?

The source document names the task: "estimate an upper-bound on performance elicited after prompt optimisation". The
grammar of a question crosses instructions, frames and a third trait; performance is measured per example. The best
prompt is chosen on the examples of even number and measured on those of odd number, so that the ceiling carries no
winner's curse.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np

from istar.questions import BestArmMean, Question, Role, Run, SpanLogprob, SpanMargin
from istar.tasks.data.reviews import Review, snippets
from istar.tasks.data.words import plurals
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
    (" yes", " no"),
    (" brilliant", " boring"),
    (" best", " worst"),
)
PLURAL_INSTRUCTIONS = (
    "",
    "Write the plural of the noun.\n",
    "English grammar exercise.\n",
    "Turn one into many.\n",
    "List of words:\n",
    "Give the plural form.\n",
    "Singular and plural:\n",
    "Complete the table.\n",
)
PLURAL_FRAMES = (
    ("", " ->"),
    ("Singular: ", "\nPlural:"),
    ("one ", ", two"),
    ("The plural of ", " is"),
    ("", ":"),
    ("a single ", ", several"),
    ("Q: ", "\nA:"),
    ("If there is more than one ", ", we speak of"),
)
PLURAL_DEMONSTRATIONS = (
    (),
    ("cup",),
    ("bird",),
    ("cup", "hand"),
    ("glove",),
    ("tower", "king"),
    ("lion",),
    ("shoe", "tiger"),
)


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
    data_sets: ClassVar[tuple[str, ...]] = ("plurals", "reviews")

    levels: tuple[int, int, int] = (4, 4, 4)
    examples: int = 32
    snippet_tokens: tuple[int, int] = (8, 16)

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        if data_set == "plurals":
            grammars = (len(PLURAL_INSTRUCTIONS), len(PLURAL_FRAMES), len(PLURAL_DEMONSTRATIONS))
        else:
            grammars = (len(VERDICT_INSTRUCTIONS), len(VERDICT_FRAMES), len(VERDICT_LABELS))
        chosen = [np.sort(generator.permutation(n)[:k]) for n, k in zip(grammars, self.levels, strict=True)]
        examples = self._nouns(generator) if data_set == "plurals" else self._snippets(encode, generator)
        runs, rows = [], []
        for arm, levels in enumerate(product(*(range(count) for count in self.levels))):
            traits = tuple(int(choice[level]) for choice, level in zip(chosen, levels, strict=True))
            for number, example in enumerate(examples):
                if isinstance(example, Review):
                    run = _verdict_run(encode, traits, example)
                else:
                    run = _plural_run(encode, traits, *example)
                runs.append(run)
                rows.append((arm, *levels, number, len(run.tokens)))
        third = "demonstration" if data_set == "plurals" else "labels"
        names: list[tuple[str, Role]] = [("prompt", "arm"), ("instruction", "trait"), ("frame", "trait")]
        names += [(third, "trait"), ("example", "nuisance"), ("length", "covariate")]
        structure = structure_of(names, rows)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure, BestArmMean("prompt", "example"))

    def _nouns(self, generator: np.random.Generator) -> list[tuple[str, str]]:
        demonstrated = {noun for nouns in PLURAL_DEMONSTRATIONS for noun in nouns}
        pairs = [pair for pair in plurals() if pair[0] not in demonstrated]
        return [pairs[i] for i in generator.permutation(len(pairs))[: self._fitting(len(pairs), "nouns")]]

    def _snippets(self, encode: Encoder, generator: np.random.Generator) -> list[Review]:
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
        return [found[number % 4 < 2].pop() for number in range(self.examples)]

    def _fitting(self, available: int, what: str) -> int:
        if self.examples % 4 or not 4 <= self.examples <= available:
            raise TaskError(
                f"{self.name}: {self.examples} examples, but the number must be a multiple of 4, and there are "
                f"{available} {what}"
            )
        return self.examples


def _verdict_run(encode: Encoder, traits: tuple[int, ...], review: Review) -> Run:
    opening, closing = VERDICT_FRAMES[traits[1]]
    good, bad = VERDICT_LABELS[traits[2]]
    right, wrong = (good, bad) if review.positive else (bad, good)
    prompt = (
        encode.bos,
        *encode(VERDICT_INSTRUCTIONS[traits[0]]),
        *encode(opening),
        *encode(review.text),
        *encode(closing),
    )
    return Run(prompt + encode(right), SpanMargin(len(prompt), encode(wrong)))


def _plural_run(encode: Encoder, traits: tuple[int, ...], noun: str, plural: str) -> Run:
    opening, closing = PLURAL_FRAMES[traits[1]]
    forms = dict(plurals())
    prompt = (encode.bos, *encode(PLURAL_INSTRUCTIONS[traits[0]]))
    for shown in PLURAL_DEMONSTRATIONS[traits[2]]:
        prompt += encode(opening) + encode(shown) + encode(closing) + encode(f" {forms.get(shown, shown + 's')}\n")
    prompt += encode(opening) + encode(noun) + encode(closing)
    return Run(prompt + encode(f" {plural}"), SpanLogprob(len(prompt)))


FAMILIES.add(PromptCeiling.name, PromptCeiling())
