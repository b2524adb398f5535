"""Family `paraphrase_floor`: how badly can a question be put, and in which words?

The same questions about well-known facts are asked in many phrasings that mean the same. The answer is the worst
log-probability of a right answer that any phrasing brings, and the worst of each phrasing: the lower end of what
a benchmark in one phrasing hides (Mizrahi et al., State of what art? A call for multi-prompt LLM evaluation, 2024).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.questions import Floors, Question, Role, Run, SpanLogprob
from istar.tasks.data.common_facts import FACTS
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

OPENINGS = (
    "",
    "Please answer.\n",
    "Here is a question that my teacher asked.\n",
    "I forgot this, so help me.\n",
    "User: ",
    "Quiz, round two. ",
)
"""What stands before a question."""

LEADS = ("\nAnswer: It is", "\nA: One says", " The answer is", "\nReply:", " Everybody knows it:", " Well,")
"""What stands between a question and its answer."""


@dataclass(frozen=True)
class ParaphraseFloor(Family):
    """Phrasings times items; the readout is the log-probability of the right answer, in nats.

    Attributes:
        phrasings: how many phrasings, each a question with an opening and a lead.
        items: how many subjects are asked about.
    """

    name: ClassVar[str] = "paraphrase_floor"
    split: ClassVar[Split] = "test"
    data_sets: ClassVar[tuple[str, ...]] = ("languages", "landmarks")

    phrasings: int = 100
    items: int = 20

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        facts = FACTS[data_set]
        made = list(itertools.product(*map(range, map(len, (OPENINGS, facts.questions, LEADS)))))
        if not (1 <= self.phrasings <= len(made) and 1 <= self.items <= len(facts.pairs)):
            raise TaskError(
                f"{self.name}/{data_set}: {self.phrasings} phrasings of {self.items} items; there are 1 to {len(made)} "
                f"phrasings, and 1 to {len(facts.pairs)} items"
            )
        items = [facts.pairs[i] for i in generator.permutation(len(facts.pairs))[: self.items]]
        runs: list[Run] = []
        rows: list[tuple[float, ...]] = []
        for phrasing, which in enumerate(generator.permutation(len(made))[: self.phrasings]):
            opening, core, lead = made[which]
            for number, (subject, answer) in enumerate(items):
                question = OPENINGS[opening] + facts.questions[core].format(subject=subject)
                prompt = (encode.bos, *encode(question), *encode(LEADS[lead]))
                runs.append(Run(prompt + encode(f" {answer}"), SpanLogprob(len(prompt))))
                rows.append((phrasing, opening, core, lead, number, len(prompt)))
        names: list[tuple[str, Role]] = [
            ("phrasing", "arm"),
            ("opening", "trait"),
            ("core", "trait"),
            ("lead", "trait"),
        ]
        names += [("item", "nuisance"), ("tokens", "covariate")]
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure_of(names, rows), Floors("phrasing"))


FAMILIES.add(ParaphraseFloor.name, ParaphraseFloor())
