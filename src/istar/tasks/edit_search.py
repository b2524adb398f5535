"""Family `edit_search`: where, and how strongly, must a fact be edited so that it changes and its neighbours do not?

Rank-one edits of one block's MLP that make the model say something else about one subject are tried at many depths and
strengths. Each is probed by phrasings of the edited fact, which should now have the wanted answer, and by facts about
other subjects of its kind, which should keep their own: efficacy, generality and specificity (Meng et al., Locating
and editing factual associations in GPT, 2022; Hase et al., Does localization inform editing?, 2023). The answer is how
good each edit is, scored by what choosing on it would bring.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.questions import ArmChoice, ChoiceProbability, Edit, Question, Role, Run
from istar.tasks.data.common_facts import FACTS, Facts, sentence
from istar.tasks.data.depths import draw_depths
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class EditSearch(Family):
    """Depths times strengths times probes; the readout is the probability of the answer that there should be.

    Of the edited fact that is the wanted answer, against the known one; of a neighbour, its own against the wanted one.

    Attributes:
        depths: how many depths, the first block and one drawn from each other of as many equal shares of the network.
        strengths: the strengths of edits, in norms of the edited map's output.
        shots: how many true statements stand before each probe.
        probes: how many probes of the edited fact, and as many neighbours.
    """

    name: ClassVar[str] = "edit_search"
    split: ClassVar[Split] = "test"
    data_sets: ClassVar[tuple[str, ...]] = ("landmarks", "professions")

    depths: int = 24
    strengths: tuple[float, ...] = (2.0, 4.0, 8.0, 16.0)
    shots: int = 6
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
        if len(neighbours) < self.probes + self.shots:
            raise TaskError(
                f"{self.name}/{data_set}: {self.probes} neighbours and {self.shots} shots; there are {len(neighbours)}"
            )
        shots = [
            sentence(facts.statements[i % len(facts.statements)].format(subject=shown, answer=answer))
            for i, (shown, answer) in enumerate(neighbours[: self.shots])
        ]
        opening = (encode.bos, *encode(" ".join(shots)))
        probes = self._probes(facts, order[0], wanted, neighbours[self.shots :], encode)
        depths = draw_depths(generator, self.depths)
        tokens = _differing(encode(f" {wanted}"), encode(f" {known}"))
        subjects = ((encode.bos, *encode(_capital(subject))), (*opening, *encode(f" {_capital(subject)}")))
        runs: list[Run] = []
        rows: list[tuple[float, ...]] = []
        for place, depth in enumerate(depths):
            for level, strength in enumerate(self.strengths):
                edit = Edit(subjects, *tokens, depth, strength)
                for number, pair in enumerate(probes):
                    for neighbour, (query, answer, other) in enumerate(pair):
                        prompt = opening + query
                        run = Run(prompt + answer, ChoiceProbability(len(prompt), (other,)), edit)
                        runs.append(run)
                        rows.append((place * len(self.strengths) + level, place, level, neighbour, number, depth))
        names: list[tuple[str, Role]] = [("edit", "arm"), ("block", "trait"), ("strength", "trait")]
        names += [("neighbour", "trait"), ("probe", "nuisance"), ("depth", "covariate")]
        functional = ArmChoice("edit", curve=1.0)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure_of(names, rows), functional)

    def _probes(
        self, facts: Facts, fact: tuple[str, str], wanted: str, neighbours: list[tuple[str, str]], encode: Encoder
    ) -> list[tuple[tuple[Tokens, Tokens, Tokens], ...]]:
        """Return pairs of a probe of the fact and one of a neighbour: query, right answer and the other one."""
        subject, known = fact
        target, before = encode(f" {wanted}"), encode(f" {known}")
        return [
            (
                (encode(f" {_stem(form, subject)}"), target, before),
                (encode(f" {_stem(form, other)}"), encode(f" {answer}"), target),
            )
            for form, (other, answer) in zip(facts.statements[: self.probes], neighbours, strict=False)
        ]


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _stem(statement: str, subject: str) -> str:
    return _capital(statement.partition(" {answer}")[0].format(subject=subject))


def _differing(first: Tokens, second: Tokens) -> tuple[int, int]:
    """Return the first tokens in which two words differ."""
    return next((one, other) for one, other in zip(first, second, strict=False) if one != other)


FAMILIES.add(EditSearch.name, EditSearch())
