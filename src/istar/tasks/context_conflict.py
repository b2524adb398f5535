"""Family `context_conflict`: how much evidence must a context hold until it wins over what the model remembers?

A context has a fixed number of statements on one subject. Some, from none to all, say something else than what is
known; the others say what is known. The model is asked about the subject. The answer is, for each subject, wording and
order in which statements turn, the number of counter-statements from which on the context's answer stays clearly
likelier than the remembered one: a conflict of knowledge (Longpre et al., Entity-based knowledge conflicts in question
answering, 2021; Xie et al., Adaptive chameleon or stubborn sloth, 2023).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from istar.questions import Question, Role, Run, SpanMargin, StayingCrossing
from istar.tasks.data.common_facts import FACTS, Facts, sentence
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

WORDINGS = (
    "{statement}",
    "in her dream, {statement}",
    "it is wrong to say that {statement}",
    "a little child once guessed that {statement}",
    "experts now agree that {statement}",
    "in the story that he told, {statement}",
    "nobody believes that {statement}",
    "some people think that {statement}",
)
"""What a counter-statement stands in, from plain to denied."""

WINS = 1.0
"""Margin, in nats, above which the context has won; where the evidence is mixed, margins linger about 0."""

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class ContextConflict(Family):
    """Subjects, wordings, counter-statements, tellings and queries, all crossed; the readout is a margin, in nats.

    It is the log-probability of the answer that the context gives minus that of the remembered one.

    Attributes:
        subjects: how many subjects.
        wordings: how many wordings of the counter-evidence for each.
        statements: how many statements a context has.
        tellings: how often each context is told, with its statements in other forms.
        queries: how many ways to ask.
    """

    name: ClassVar[str] = "context_conflict"
    split: ClassVar[Split] = "test"
    data_sets: ClassVar[tuple[str, ...]] = ("landmarks", "professions")

    subjects: int = 3
    wordings: int = 4
    statements: int = 7
    tellings: int = 4
    queries: int = 6

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        facts = FACTS[data_set]
        most = (len(facts.pairs), len(WORDINGS), len(facts.statements))
        if any(not 1 <= asked <= there for asked, there in zip(self._asked, most, strict=True)):
            raise TaskError(
                f"{self.name}/{data_set}: {self.subjects} subjects, {self.wordings} wordings, {self.queries} queries; "
                f"there are 1 to {most[0]}, {most[1]} and {most[2]}"
            )
        runs: list[Run] = []
        rows: list[tuple[float, ...]] = []
        chosen = generator.permutation(len(facts.pairs))[: self.subjects]
        for place, which in enumerate(chosen):
            subject, known = facts.pairs[which]
            told = _other(facts, known, generator)
            shown, remembered = (encode(f" {each}") for each in (told, known))
            queries = [encode(f" {_stem(facts.statements[i], subject)}") for i in range(self.queries)]
            forms = generator.integers(len(facts.statements), size=(self.tellings, self.statements))
            for second, wording in enumerate(generator.permutation(len(WORDINGS))[: self.wordings]):
                unit = place * self.wordings + second
                order = generator.permutation(self.statements)
                for telling in range(self.tellings):
                    stated = [facts.statements[form] for form in forms[telling]]
                    contexts = _contexts(stated, (subject, known), told, WORDINGS[wording], order, encode)
                    for (count, (last, context)), (number, query) in itertools.product(
                        enumerate(contexts), enumerate(queries)
                    ):
                        prompt = (encode.bos, *context, *query)
                        runs.append(Run(prompt + shown, SpanMargin(len(prompt), remembered)))
                        share = count / self.statements
                        rows.append((unit, place, int(wording), count, telling, number, share, last))
        names: list[tuple[str, Role]] = [("unit", "arm"), ("subject", "trait"), ("wording", "trait")]
        names += [("counter", "arm"), ("telling", "nuisance"), ("query", "nuisance")]
        names += [("share", "covariate"), ("last", "covariate")]
        functional = StayingCrossing("unit", "counter", WINS)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure_of(names, rows), functional)

    @property
    def _asked(self) -> tuple[int, int, int]:
        return self.subjects, self.wordings, self.queries


def _contexts(
    forms: list[str],
    fact: tuple[str, str],
    told: str,
    wording: str,
    order: Int[np.ndarray, " statements"],
    encode: Encoder,
) -> list[tuple[bool, Tokens]]:
    """Return contexts with no counter-statement, with one more, ..., and whether the last statement is one.

    Statements turn one by one in the given order, and keep their form.
    """
    subject, known = fact
    statements = [encode(f" {sentence(form.format(subject=subject, answer=known))}") for form in forms]
    counter = [
        encode(f" {sentence(wording.format(statement=form.format(subject=subject, answer=told)))}") for form in forms
    ]
    contexts = []
    for turned in (None, *order):
        if turned is not None:
            statements[turned] = counter[turned]
        contexts.append((statements[-1] is counter[-1], tuple(token for part in statements for token in part)))
    return contexts


def _other(facts: Facts, known: str, generator: np.random.Generator) -> str:
    others = [answer for answer in facts.answers if answer != known]
    return others[int(generator.integers(len(others)))]


def _stem(statement: str, subject: str) -> str:
    """Return the beginning of a statement, up to its answer, as that of a sentence."""
    stem = statement.partition(" {answer}")[0].format(subject=subject)
    return stem[0].upper() + stem[1:]


FAMILIES.add(ContextConflict.name, ContextConflict())
