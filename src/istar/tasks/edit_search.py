"""Family `edit_search`: where, and how strongly, must a fact be edited so that it changes and its neighbours do not?

Rank-one edits of one block's MLP that make the model say something else about one subject are tried at many depths and
strengths. Each is probed by phrasings of the edited fact, which should now have the wanted answer, and by facts about
other subjects of its kind, which should keep their own: efficacy, generality and specificity (Meng et al., Locating
and editing factual associations in GPT, 2022; Hase et al., Does localization inform editing?, 2023). The answer is how
good each edit is, scored by what choosing on it would bring.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.questions import ArmChoice, ChoiceProbability, Edit, Question, Role, Run
from istar.tasks.data.common_facts import FACTS, Facts, sentence
from istar.tasks.data.depths import draw_depths
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

Tokens = tuple[int, ...]
Probe = tuple[Tokens, Tokens, Tokens]
"""Query, the answer that there should be, and the other one."""


@dataclass(frozen=True)
class EditSearch(Family):
    """Depths times strengths times probes; the readout is the probability of the answer that there should be.

    Of the edited fact that is the wanted answer, against the known one; of a neighbour, its own against the wanted one.

    Attributes:
        depths: how many depths, the first block and one drawn from each other of as many equal shares of the network.
        strengths: the strengths of edits, in norms of the edited map's output.
        openings: how many different openings, each with neighbours of its own.
        shots: how many true statements an opening has.
        probes: how many probes of the edited fact, and as many neighbours, after each opening.
    """

    name: ClassVar[str] = "edit_search"
    split: ClassVar[Split] = "test"
    data_sets: ClassVar[tuple[str, ...]] = ("landmarks", "professions")

    depths: int = 20
    strengths: tuple[float, ...] = (2.0, 4.0, 8.0, 16.0)
    openings: int = 2
    shots: int = 5
    probes: int = 6

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        facts = FACTS[data_set]
        if not 1 <= self.probes <= len(facts.statements):
            raise TaskError(f"{self.name}: {self.probes} probes of a fact; there are 1 to {len(facts.statements)}")
        order = [facts.pairs[i] for i in generator.permutation(len(facts.pairs))]
        (subject, known), *others = order
        wanted = next(answer for _, answer in others if answer != known)
        neighbours = [pair for pair in others if pair[1] != wanted]
        needed = self.openings * (self.shots + self.probes)
        if len(neighbours) < needed:
            raise TaskError(
                f"{self.name}/{data_set}: {needed} neighbours to show or probe; there are {len(neighbours)}"
            )
        parts = [
            self._part(facts, order[0], wanted, neighbours[i :: self.openings], encode) for i in range(self.openings)
        ]
        tokens = _differing(encode(f" {wanted}"), encode(f" {known}"))
        named = _capital(subject)
        subjects = ((encode.bos, *encode(named)), *((*opening, *encode(f" {named}")) for opening, _ in parts))
        depths = draw_depths(generator, self.depths)
        runs: list[Run] = []
        rows: list[tuple[float, ...]] = []
        for (place, depth), (level, strength) in itertools.product(enumerate(depths), enumerate(self.strengths)):
            edit = Edit(subjects, *tokens, depth, strength)
            which = place * len(self.strengths) + level
            for shown, (opening, probes) in enumerate(parts):
                for (number, pair), neighbour in itertools.product(enumerate(probes), range(2)):
                    query, answer, other = pair[neighbour]
                    prompt = opening + query
                    runs.append(Run(prompt + answer, ChoiceProbability(len(prompt), (other,)), edit))
                    rows.append((which, place, level, neighbour, shown, number, depth))
        names: list[tuple[str, Role]] = [("edit", "arm"), ("block", "trait"), ("strength", "trait")]
        names += [("neighbour", "trait"), ("opening", "nuisance"), ("probe", "nuisance")]
        names += [("depth", "covariate")]
        functional = ArmChoice("edit", curve=1.0)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure_of(names, rows), functional)

    def _part(
        self, facts: Facts, fact: tuple[str, str], wanted: str, neighbours: list[tuple[str, str]], encode: Encoder
    ) -> tuple[Tokens, list[tuple[Probe, Probe]]]:
        """Return an opening of true statements, and pairs of a probe of the fact and one of a neighbour."""
        subject, known = fact
        forms = itertools.cycle(facts.statements)
        shots = [
            sentence(form.format(subject=shown, answer=answer))
            for form, (shown, answer) in zip(forms, neighbours[: self.shots], strict=False)
        ]
        target, before = encode(f" {wanted}"), encode(f" {known}")
        probes = [
            (
                (encode(f" {_stem(form, subject)}"), target, before),
                (encode(f" {_stem(form, other)}"), encode(f" {answer}"), target),
            )
            for form, (other, answer) in zip(facts.statements[: self.probes], neighbours[self.shots :], strict=False)
        ]
        return (encode.bos, *encode(" ".join(shots))), probes


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _stem(statement: str, subject: str) -> str:
    return _capital(statement.partition(" {answer}")[0].format(subject=subject))


def _differing(first: Tokens, second: Tokens) -> tuple[int, int]:
    """Return the first tokens in which two words differ."""
    return next((one, other) for one, other in zip(first, second, strict=False) if one != other)


FAMILIES.add(EditSearch.name, EditSearch())
