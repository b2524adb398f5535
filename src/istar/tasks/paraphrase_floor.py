"""Family `paraphrase_floor`: how badly can a question be put, and in which words?

The same questions about well-known facts are asked in many phrasings that mean the same: of a request in one sentence
some words are replaced by others of their kind, and something else stands before the answer. The answer is how well
each phrasing does, the mean log-probability of right answers, scored by how bad the phrasing is that looks worst and
by what it is said to bring: the lower end of what a benchmark in one phrasing hides (Mizrahi et al., State of what art?
A call for multi-prompt LLM evaluation, 2024; Sclar et al., Quantifying language models' sensitivity to spurious
features in prompt design, 2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.questions import ArmChoice, Question, Role, Run, SpanLogprob
from istar.tasks.data.common_facts import FACTS
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of


@dataclass(frozen=True)
class Request:
    """How to ask for the facts of one kind.

    Attributes:
        fact: the kind.
        text: the request and the item, with a place for `{subject}` and places for words.
        words: what may stand at each of these places.
    """

    fact: str
    text: str
    words: tuple[tuple[str, ...], ...]

    @property
    def phrasings(self) -> int:
        """How many there are."""
        return math.prod(map(len, self.words))

    def parts(self, which: int) -> tuple[tuple[int, ...], str]:
        """Return the words that a phrasing has, by place, and its text up to the answer."""
        places = tuple(map(int, np.unravel_index(which, tuple(map(len, self.words)))))
        chosen = [words[place] for words, place in zip(self.words, places, strict=True)]
        return places, self.text.format(*chosen, subject="{subject}")


OPENINGS = ("Question one.", "Hello!", "Here is a riddle.", "Help me, please.", "This is a quiz.", "Listen.")
ASKING = ("name", "write down", "say", "tell me", "give me", "find")
BEFORE = ("Answer", "Reply", "Solution", "I say", "It is", "Probably")
WORDINGS = {
    "languages": Request(
        "languages",
        "{0} For the country at the end of this line, {1} the {2} that {3} {4} there when they {5}: {subject}.\n{6}:",
        (
            OPENINGS,
            ASKING,
            ("language", "tongue", "speech"),
            ("people", "most families", "children", "neighbors"),
            ("use", "speak", "prefer"),
            ("talk", "meet", "go shopping", "are at home"),
            BEFORE,
        ),
    ),
    "landmarks": Request(
        "landmarks",
        "{0} For the sight at the end of this line, {1} the {2} to which {3} {4} when they want to {5} it: "
        "{subject}.\n{6}:",
        (
            OPENINGS,
            ASKING,
            ("country", "nation", "land"),
            ("people", "most tourists", "visitors", "families"),
            ("travel", "fly", "go"),
            ("see", "visit", "photograph", "admire"),
            BEFORE,
        ),
    ),
}
"""Requests by data set."""


@dataclass(frozen=True)
class ParaphraseFloor(Family):
    """Phrasings times items; the readout is the log-probability of the right answer, in nats.

    Attributes:
        phrasings: how many phrasings, each drawn among all that the words make.
        items: how many subjects are asked about.
    """

    name: ClassVar[str] = "paraphrase_floor"
    split: ClassVar[Split] = "test"
    data_sets: ClassVar[tuple[str, ...]] = tuple(WORDINGS)

    phrasings: int = 600
    items: int = 5

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        request = WORDINGS[data_set]
        facts = FACTS[request.fact]
        if not (1 <= self.phrasings <= request.phrasings and 1 <= self.items <= len(facts.pairs)):
            raise TaskError(
                f"{self.name}/{data_set}: {self.phrasings} phrasings of {self.items} items; there are 1 to "
                f"{request.phrasings} phrasings, and 1 to {len(facts.pairs)} items"
            )
        items = [facts.pairs[i] for i in generator.permutation(len(facts.pairs))[: self.items]]
        runs: list[Run] = []
        rows: list[tuple[float, ...]] = []
        for phrasing, which in enumerate(generator.permutation(request.phrasings)[: self.phrasings]):
            words, text = request.parts(int(which))
            before, after = text.split(" {subject}")
            asked = (encode.bos, *encode(before))
            for number, (subject, answer) in enumerate(items):
                prompt = (*asked, *encode(f" {subject}"), *encode(after))
                runs.append(Run(prompt + encode(f" {answer}"), SpanLogprob(len(prompt))))
                rows.append((phrasing, *words, number))
        names: list[tuple[str, Role]] = [("phrasing", "arm")]
        names += [(f"word_{place}", "trait") for place in range(len(request.words))]
        names += [("item", "nuisance")]
        functional = ArmChoice("phrasing", lowest=True, curve=1.0)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure_of(names, rows), functional)


FAMILIES.add(ParaphraseFloor.name, ParaphraseFloor())
