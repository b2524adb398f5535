"""Family `active_learning`: which example would help most if the model were trained on it?

The source document names the task: "given a task, and a set of N samples, predict which would improve loss the most if
trained on". Training is one step of plain gradient descent on one candidate, from the target's own weights; what it
brings is the rise of the mean log-probability of the right answers to evaluation prompts. Some candidates have a wrong
answer, some belong to another task. Choosing examples by the change they would make to the model is from Settles,
Craven and Ray (Multiple-instance active learning, 2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np

from istar.questions import ArmRanking, FineTune, Question, Role, Run, SpanLogprob
from istar.tasks.data.kinds import kinds, lexicon
from istar.tasks.data.replies import CLOSINGS, OPENINGS, exchanges
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

ARROW = " ->"
SHOTS = 3
"""How many words of as many kinds stand before each evaluation prompt of `kinds`."""

Sample = tuple[str, str]
"""A prompt and its answer."""


@dataclass(frozen=True)
class Pool:
    """What a question is about.

    Attributes:
        opening: text before each evaluation prompt.
        evaluations: what the model should get better at.
        candidates: what it may be trained on.
        traits: the names of what is known about candidates.
        levels: for each candidate, its level of each trait; from 1.
    """

    opening: str
    evaluations: list[Sample]
    candidates: list[Sample]
    traits: tuple[str, ...]
    levels: list[tuple[int, ...]]


@dataclass(frozen=True)
class ActiveLearning(Family):
    """A step on each candidate times evaluation prompts; the readout is the answer's log-probability, in nats a token.

    Attributes:
        kinds: how many kinds of things `kinds` asks for.
        per_kind: how many candidates are things of each of them.
        strangers: how many candidates are things of other kinds, and how many are pairs of another relation.
        manners: how many openings and closings of replies `replies` crosses.
        per_manner: the number of candidates for each pair of them.
        wrong: the share of candidates of the task that have another candidate's answer.
        evaluations: the number of evaluation prompts, for `kinds` and for `replies`.
        rate: the learning rate.
        depth: blocks below this depth are not trained.
    """

    name: ClassVar[str] = "active_learning"
    split: ClassVar[Split] = "train"
    data_sets: ClassVar[tuple[str, ...]] = ("kinds", "replies")

    kinds: int = 7
    per_kind: int = 4
    strangers: tuple[int, int] = (12, 12)
    manners: int = 4
    per_manner: int = 4
    wrong: float = 0.25
    evaluations: tuple[int, int] = (46, 10)
    rate: float = 0.003
    depth: float = 0.5

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        pool = self._kinds(generator) if data_set == "kinds" else self._replies(generator)
        opening = (encode.bos, *encode(pool.opening))
        prompts = [((*opening, *encode(prompt)), encode(answer)) for prompt, answer in pool.evaluations]
        levels = [(0,) * len(pool.traits), *pool.levels]
        runs, rows = [], []
        for arm, candidate in enumerate([None, *pool.candidates]):
            step: FineTune | None = None
            trained: tuple[int, ...] = ()
            if candidate is not None:
                before, trained = (encode.bos, *encode(candidate[0])), encode(candidate[1])
                step = FineTune((before + trained,), (len(before),), self.rate, depth=self.depth)
            shared = np.mean([len({*trained} & {*answer}) / max(len({*trained}), 1) for _, answer in prompts])
            for number, (prompt, answer) in enumerate(prompts):
                runs.append(Run(prompt + answer, SpanLogprob(len(prompt), mean=True), step))
                rows.append((arm, *levels[arm], number, len(trained), float(shared)))
        names: list[tuple[str, Role]] = [("candidate", "arm"), *((name, "trait") for name in pool.traits)]
        names += [("evaluation", "nuisance"), ("length", "covariate"), ("shared", "covariate")]
        functional = ArmRanking("candidate", reference=True)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure_of(names, rows), functional)

    def _kinds(self, generator: np.random.Generator) -> Pool:
        """Return things and their kinds; evaluation asks for some kinds more often than for others."""
        known = kinds()
        names = [list(known)[i] for i in generator.permutation(len(known))]
        things = {name: [known[name][i] for i in generator.permutation(len(known[name]))] for name in names}
        asked, strange = names[: self.kinds], names[self.kinds :]
        opening = "".join(f"{things[name].pop()}{ARROW} {name}\n" for name in asked[:SHOTS])
        samples: list[Sample] = []
        levels: list[tuple[int, ...]] = []
        for place, name in enumerate(asked):
            for _ in range(self.per_kind):
                wrong = generator.random() < self.wrong
                label = (place + int(wrong and generator.integers(1, self.kinds))) % self.kinds
                samples.append((things[name].pop(), asked[label]))
                levels.append((1 + label,))
        for name in (strange[i % len(strange)] for i in range(self.strangers[0])):
            samples.append((things[name].pop(), name))
            levels.append((1 + self.kinds,))
        others = [pair for relation in lexicon()[1:] for pair in relation.pairs]
        samples += [others[i] for i in generator.permutation(len(others))[: self.strangers[1]]]
        levels += [(2 + self.kinds,)] * self.strangers[1]
        left = [(thing, place) for place, name in enumerate(asked) for thing in things[name]]
        share = generator.dirichlet(np.ones(self.kinds))[[place for _, place in left]]
        if len(left) < self.evaluations[0]:
            raise TaskError(
                f"{self.name}/kinds: {self.evaluations[0]} evaluation prompts, but candidates leave only {len(left)} "
                f"things of {self.kinds} kinds; lower `per_kind` or raise `kinds`"
            )
        # drawn without replacement, a thing's chance in proportion to its kind's share (Efraimidis and Spirakis, 2006)
        drawn = np.argsort(np.log(generator.random(len(left))) / share)[::-1][: self.evaluations[0]]
        evaluations = [(left[i][0], asked[left[i][1]]) for i in drawn]
        return Pool(opening, _arrows(evaluations), _arrows(samples), ("label",), levels)

    def _replies(self, generator: np.random.Generator) -> Pool:
        """Return questions answered in different manners, of which evaluation wants one."""
        known = [exchanges()[i] for i in generator.permutation(len(exchanges()))]
        asked, left = known[: self.evaluations[1]], known[self.evaluations[1] :]
        if len(left) < max(self.per_manner, 2):
            raise TaskError(f"{self.name}/replies has {len(known)} questions; lower `evaluations` or `per_manner`")
        openings, closings = (
            generator.permutation(len(each))[: self.manners].tolist() for each in (OPENINGS, CLOSINGS)
        )
        samples: list[Sample] = []
        levels: list[tuple[int, ...]] = []
        for opening, closing in product(openings, closings):
            for place in generator.permutation(len(left))[: self.per_manner].tolist():
                wrong = generator.random() < self.wrong
                other = (place + int(wrong and generator.integers(1, len(left)))) % len(left)
                samples.append(_reply(left[place][0], left[other][1], opening, closing))
                levels.append((1 + opening, 1 + closing))
        evaluations = [_reply(question, answer, openings[0], closings[0]) for question, answer in asked]
        return Pool("", evaluations, samples, ("opening", "closing"), levels)


def _arrows(pairs: list[Sample]) -> list[Sample]:
    return [(word + ARROW, f" {answer}") for word, answer in pairs]


def _reply(question: str, answer: str, opening: int, closing: int) -> Sample:
    return f"Q: {question}\nA:", f" {OPENINGS[opening]}{answer}{CLOSINGS[closing]}"


FAMILIES.add(ActiveLearning.name, ActiveLearning())
