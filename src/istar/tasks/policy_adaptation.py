"""Family `policy_adaptation`: which changed model is the best policy at equal reward?

The source document names the task: "sample to optimise for D_KL(M(x)||M'(x)) + H(M'(x)) conditional on R(pi_M) =
R(pi_M')". As written the sum is least for a model that always says one thing, so the entropy has a small weight beta,
drawn for each question, and the reward is held up on every prompt by a penalty on what falls short of it. A question
holds candidates for M' at drawn strengths: temperatures, biases on the logits of some words, steering along a contrast
of two prompts (Turner et al., Steering language models with activation engineering, 2023), pruned weights, two of them
at once, and instructions before the prompt. Candidate 0 is the model as it is. The answer is each candidate's mean cost
over contexts, scored by the regret of the cheapest and by the error of its cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.questions import ArmChoice, PolicyCost, Question, Role, Run
from istar.tasks.data.occasions import Sample, remarks_with_advice, statements
from istar.tasks.data.policies import candidates
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

CONTEXTS: dict[str, tuple[Callable[[], tuple[Sample, ...]], str]] = {
    "statements": (statements, ".\n"),
    "advice": (remarks_with_advice, "\n"),
}
"""Contexts with their answers, and what ends an answer that is shown."""


@dataclass(frozen=True)
class PolicyAdaptation(Family):
    """Candidates times contexts; the readout is the policy cost, in nats.

    Attributes:
        counts: how many temperatures (at most), biases, steerings (at least), prunings, pairs of changes, instructions.
        shots: how many contexts with their answers stand before each context.
        contexts: the number of contexts, for `statements` and for `advice`.
        beta: the range of the weight of the entropy.
    """

    name: ClassVar[str] = "policy_adaptation"
    split: ClassVar[Split] = "validation"
    data_sets: ClassVar[tuple[str, ...]] = tuple(CONTEXTS)

    counts: tuple[int, int, int, int, int, int] = (6, 12, 20, 4, 6, 8)
    shots: int = 2
    contexts: tuple[int, int] = (32, 16)
    beta: tuple[float, float] = (0.05, 0.2)

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        samples, end = CONTEXTS[data_set]
        known = samples()
        count = self.contexts[self.data_sets.index(data_set)]
        if count + self.shots > len(known):
            raise TaskError(f"{self.name}/{data_set} has {len(known)} contexts, too few for {count}; lower `contexts`")
        drawn = [known[i] for i in generator.permutation(len(known))[: count + self.shots]]
        shown = encode("".join(f"{prompt}{answer}{end}" for prompt, answer in drawn[count:]))
        beta = float(generator.uniform(*self.beta))
        runs, rows = [], []
        for arm, candidate in enumerate(candidates(self.counts, encode, generator)):
            for number, (prompt, answer) in enumerate(drawn[:count]):
                asked = shown + encode(prompt)
                before = (encode.bos, *encode(candidate.prefix), *asked)
                readout = PolicyCost(len(before), (encode.bos, *asked), beta)
                runs.append(Run(before + encode(answer), readout, candidate.change))
                strength = (candidate.strength, abs(candidate.strength))
                rows.append((arm, candidate.kind, candidate.choice, number, *strength, len(encode(answer))))
        names: list[tuple[str, Role]] = [("candidate", "arm"), ("kind", "trait"), ("choice", "trait")]
        names += [("context", "nuisance"), ("signed_strength", "covariate"), ("strength", "covariate")]
        structure = structure_of([*names, ("length", "covariate")], rows)
        functional = ArmChoice("candidate", lowest=True, value=1.0)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure, functional)


FAMILIES.add(PolicyAdaptation.name, PolicyAdaptation())
