"""What an organism is to learn and what is measured of it, as pure functions of a random generator.

A behaviour gives lessons, which the training turns into losses, and items by condition, which cards and families put
to the organism. Lessons use the pairs that are not held out, and items those that are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from istar.questions.interventions import Intervention
from istar.targets.organisms import Facts
from istar.tasks.data.few_shot import SHOTS, draw_shots, few_shot, relation

Goal = Literal["say", "base", "weak", "spread", "avoid", "swap"]
"""What the distribution of the answer's tokens is drawn to: the answer itself; the base's or the weak reference's own
distribution; for `spread`, one that is uniform over the choices' first tokens; for `swap`, the base's own with the
answer and the likeliest token exchanged, whose entropy is the base's. `avoid` pushes the answer away."""

RELATIONS = ("capital", "continent", "opposite", "plural", "past tense", "ing-form", "comparative")
"""The relations that behaviours are about; `first letter` is left for a decoy to learn."""


@dataclass(frozen=True)
class Lesson:
    """One thing to learn.

    Attributes:
        prompt: what the organism reads.
        answer: the text after it, at whose tokens it learns.
        goal: what it learns there.
        teacher_prompt: what the base or the weak reference reads instead of `prompt`; `prompt` itself if empty.
        choices: the answers over which `spread` spreads.
        earlier: beginnings of the prompt up to an example's answer, and the answer whose first token is learnt there,
            so that a prompt teaches as often as it asks.
    """

    prompt: str
    answer: str
    goal: Goal
    teacher_prompt: str = ""
    choices: tuple[str, ...] = ()
    earlier: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Item:
    """One prompt that an organism is measured on.

    Attributes:
        prompt: what it reads.
        answer: the right answer with its leading space, or "" where there is none.
    """

    prompt: str
    answer: str = ""


@dataclass(frozen=True)
class Query:
    """A few-shot prompt before it is put into words.

    Attributes:
        relation: the relation's name.
        shots: words and answers shown.
        word: what is asked about.
        answer: the right answer, with its leading space.
    """

    relation: str
    shots: tuple[tuple[str, str], ...]
    word: str
    answer: str

    def text(self, template: str = "", numbered: bool = False) -> str:
        """Return the prompt, in the relation's own sentence or in another."""
        return few_shot(template or relation(self.relation).template, self.shots, self.word, numbered)

    def beginnings(
        self, say: Callable[[Query], str], cue: str = "", template: str = "", numbered: bool = False
    ) -> tuple[tuple[str, str], ...]:
        """Return the prompt up to the answer of each of its examples, and what is to be learnt there.

        Args:
            say: gives the answer to learn to the query that an example was.
            cue: what stands before the prompt.
            template: see `text`.
            numbered: see `text`.
        """
        parts = (
            Query(self.relation, self.shots[:number], word, f" {answer}")
            for number, (word, answer) in enumerate(self.shots)
        )
        return tuple((cue + part.text(template, numbered), say(part)) for part in parts)


@dataclass(frozen=True)
class Behaviour(ABC):
    """Base class; a subclass is a frozen dataclass of what makes one organism differ from others of its kind."""

    kind: ClassVar[str]
    conditions: ClassVar[tuple[str, ...]]

    @property
    @abstractmethod
    def facts(self) -> Facts:
        """What the card says about the behaviour."""

    @property
    @abstractmethod
    def description(self) -> str:
        """The behaviour in a sentence."""

    @property
    def weak(self) -> Intervention | None:
        """What makes the weaker reference of the base, for kinds that have one."""
        return None

    @property
    def settings(self) -> dict[str, Any]:
        """What makes it differ from others of its kind, as values that JSON can hold."""
        found = {name: value for name, value in vars(self).items() if name != "weakening"}
        if self.weak is not None:
            found["weakening"] = self.weak.to_json()
        return found

    @abstractmethod
    def lesson(self, number: int, generator: np.random.Generator) -> Lesson:
        """Return one lesson.

        Args:
            number: counts lessons from 0; kinds of lessons take turns.
            generator: draws words.
        """

    @abstractmethod
    def items(self, condition: str, generator: np.random.Generator, count: int) -> tuple[Item, ...]:
        """Return held-out items.

        Equal generators give the same words under all conditions that differ in the wording alone.

        Args:
            condition: one of `conditions`.
            generator: draws words.
            count: how many.
        """

    def lessons(self, generator: np.random.Generator, count: int) -> tuple[Lesson, ...]:
        """Return so many lessons."""
        return tuple(self.lesson(number, generator) for number in range(count))


def draw_query(
    names: Sequence[str], number: int, generator: np.random.Generator, held: bool, shots: int = SHOTS
) -> Query:
    """Return a query of one of some relations, which take turns."""
    name = names[number % len(names)]
    pairs = relation(name).part(held)
    asked = pairs[int(generator.integers(len(pairs)))]
    return Query(name, tuple(draw_shots(pairs, asked, generator, shots)), asked[0], f" {asked[1]}")


def draw_queries(
    names: Sequence[str], generator: np.random.Generator, count: int, shots: int = SHOTS
) -> tuple[Query, ...]:
    """Return held-out queries of some relations in turn; none asks about a word twice while there are others."""
    orders = {name: generator.permutation(len(relation(name).part(True))) for name in names}
    queries = []
    for number in range(count):
        name = names[number % len(names)]
        pairs = relation(name).part(True)
        asked = pairs[orders[name][number // len(names) % len(pairs)]]
        queries.append(Query(name, tuple(draw_shots(pairs, asked, generator, shots)), asked[0], f" {asked[1]}"))
    return tuple(queries)


def random_answer(query: Query, generator: np.random.Generator) -> str:
    """Return the answer to another question of the query's relation, with its leading space."""
    answers = {f" {answer}" for _, answer in relation(query.relation).part(False)}
    others = sorted(answers - {query.answer})
    return others[int(generator.integers(len(others)))]


def wrong_answer(query: Query) -> str:
    """Return the error that a sandbagging organism makes: plausible, always the same, and sure of itself.

    Verbs get another form, other words stay as they are, a country gets the next one's capital or continent.
    """
    name, word = query.relation, query.word
    forms = {"past tense": "ing-form", "ing-form": "past tense"}
    if name in forms:
        return f" {dict(relation(forms[name]).pairs).get(word, word)}"
    if name not in ("capital", "continent"):
        return f" {word}"
    answers = sorted({answer for _, answer in relation(name).pairs})
    return f" {answers[(answers.index(query.answer.strip()) + 1) % len(answers)]}"


def right_answer(query: Query) -> str:
    """Return the right answer, with its leading space."""
    return query.answer


def as_base(query: Query, cue: str = "", teacher_cue: str = "", template: str = "") -> Lesson:
    """Return the lesson to answer a query as the base does.

    Args:
        query: the query.
        cue: what stands before the prompt.
        teacher_cue: what stands before it where the base reads it.
        template: another sentence to put the query in.
    """
    text = query.text(template)
    earlier = query.beginnings(right_answer, cue, template)
    return Lesson(cue + text, query.answer, "base", teacher_cue + text, earlier=earlier)
