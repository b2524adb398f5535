"""Family `finetune_side_effects`: what does training on one thing change about all the others?

Models trained on a narrow set change elsewhere too: skills are forgotten (McCloskey and Cohen, Catastrophic
interference in connectionist networks, 1989), safeguards are lost (Qi et al., Fine-tuning aligned language models
compromises safety, 2023). A question holds a few small sets of examples; the model is trained on each for some steps of
plain gradient descent, and probed for several behaviours. The answer is what each set changes about each behaviour: the
mean log-probability of its right or typical continuation after training, minus that before. Sets of `skills` hold
right or wrong examples of a skill, sets of `manners` texts in one manner of writing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np

from istar.questions import BehaviourChanges, FineTune, Question, Role, Run, SpanLogprob
from istar.tasks.data.behaviours import Behaviour, Sample, manners, skills
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

Item = TypeVar("Item")
TAUGHT = {"skills": skills, "manners": manners}


@dataclass(frozen=True)
class Drawn:
    """A behaviour with the samples that a question uses, none of them twice.

    Attributes:
        behaviour: what it is.
        opening: demonstrations before each probe.
        probes: samples it is probed by.
        sets: samples of two sets to train on.
    """

    behaviour: Behaviour
    opening: str
    probes: list[Sample]
    sets: tuple[list[Sample], list[Sample]]


@dataclass(frozen=True)
class FinetuneSideEffects(Family):
    """Sets times behaviours times probes; the readout is the continuation's log-probability, in nats a token.

    Attributes:
        kinds: how many behaviours are taught, each by two sets: for `skills` one right and one wrong.
        probed: how many skills and how many manners are probed.
        probes: the number of probes of each behaviour.
        examples: the greatest number of examples in a set.
        tokens: the greatest number of tokens in a set of more than one example, so that training stays cheap.
        steps: the number of steps of training.
        rate: the learning rate.
        depth: blocks below this depth are not trained.
    """

    name: ClassVar[str] = "finetune_side_effects"
    split: ClassVar[Split] = "validation"
    data_sets: ClassVar[tuple[str, ...]] = tuple(TAUGHT)

    kinds: int = 6
    probed: tuple[int, int] = (3, 3)
    probes: int = 24
    examples: int = 3
    tokens: int = 24
    steps: int = 2
    rate: float = 0.015
    depth: float = 0.5

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        known = {each.name: self._drawn(each, generator) for each in skills() + manners()}
        taught = _some(TAUGHT[data_set](), self.kinds, generator)
        probed = _some(skills(), self.probed[0], generator) + _some(manners(), self.probed[1], generator)
        states: list[tuple[int, int, FineTune | None]] = [(0, 0, None)]
        for kind, behaviour in enumerate(taught):
            for second, samples in enumerate(known[behaviour.name].sets):
                wrong = bool(second) and data_set == "skills"
                chosen = _wrong(samples, behaviour, generator) if wrong else samples
                states.append((1 + kind, int(wrong), self._training(chosen, encode)))
        runs, rows = [], []
        for state, (kind, mistaken, training) in enumerate(states):
            trained = {token for tokens in training.sequences for token in tokens[1:]} if training else set()
            for place, behaviour in enumerate(probed):
                opening = (encode.bos, *encode(known[behaviour.name].opening))
                same = kind > 0 and taught[kind - 1] is behaviour
                for number, (prompt, answer) in enumerate(known[behaviour.name].probes):
                    before, after = (*opening, *encode(prompt)), encode(answer)
                    runs.append(Run(before + after, SpanLogprob(len(before), mean=True), training))
                    shared = len({*after} & trained) / len({*after})
                    rows.append((state, place, kind, mistaken, number, same, shared))
        names: list[tuple[str, Role]] = [
            ("state", "arm"),
            ("behaviour", "arm"),
            ("taught", "trait"),
            ("wrong", "trait"),
        ]
        names += [("probe", "nuisance"), ("same", "covariate"), ("shared", "covariate")]
        functional = BehaviourChanges("state", "behaviour")
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure_of(names, rows), functional)

    def _drawn(self, behaviour: Behaviour, generator: np.random.Generator) -> Drawn:
        """Return demonstrations, probes and two sets of a behaviour, all different."""
        size = self.examples
        needed = behaviour.shots + self.probes + 2 * size
        if len(behaviour.samples) < needed:
            raise TaskError(
                f"{self.name}: {behaviour.name} has {len(behaviour.samples)} samples and needs {needed}; lower "
                "`probes` or `examples`"
            )
        samples = _some(behaviour.samples, needed, generator)
        shots, first, second = behaviour.shots, behaviour.shots + self.probes, behaviour.shots + self.probes + size
        opening = "".join(f"{prompt}{answer}\n" for prompt, answer in samples[:shots])
        return Drawn(behaviour, opening, samples[shots:first], (samples[first:second], samples[second:]))

    def _training(self, samples: list[Sample], encode: Encoder) -> FineTune:
        pairs = [((encode.bos, *encode(prompt)), encode(answer)) for prompt, answer in samples]
        ends = np.cumsum([len(before) + len(after) for before, after in pairs])
        pairs = pairs[: max(1, int((ends <= self.tokens).sum()))]
        sequences, starts = zip(*((before + after, len(before)) for before, after in pairs), strict=True)
        return FineTune(sequences, starts, self.rate, self.steps, self.depth)


def _some(items: tuple[Item, ...], count: int, generator: np.random.Generator) -> list[Item]:
    """Return some of the items in a drawn order."""
    return [items[i] for i in generator.permutation(len(items))[:count]]


def _wrong(samples: list[Sample], behaviour: Behaviour, generator: np.random.Generator) -> list[Sample]:
    """Return the prompts with answers of other samples that are not their own."""
    answers = [answer for _, answer in behaviour.samples]
    others = [[other for other in answers if other != answer] for _, answer in samples]
    return [(prompt, other[generator.integers(len(other))]) for (prompt, _), other in zip(samples, others, strict=True)]


FAMILIES.add(FinetuneSideEffects.name, FinetuneSideEffects())
