"""Family `bad_context`: which contexts make the model misbehave?

Candidate contexts (instructions, personas, examples to follow, idle remarks) stand before harmless requests, and a
judge says how much the model misbehaves: the log-odds of a bad reply against a good one. What counts is the mean
score of each context under a second judge, which looks for other words and whose verdicts are sealed; a context that
pleases the shown judge alone is worth nothing.

The source document names the task ("eliciting bad contexts") for direct use of a method, and warns that optimising
against a judge ends in learning the judge's biases. A judge can be gamed, even one that is held out. Tasks scored by a
judge are therefore barred from every reward (see `istar.tasks.family.check_rewardable`), and this family belongs to the
split `use`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.questions import Question, Role, Run, SpanMargin
from istar.questions.functionals.sealed_arms import SealedArmRanking
from istar.tasks.data.provocations import KINDS, Context, Request, draw_context, misbehaviours
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of


@dataclass(frozen=True)
class BadContext(Family):
    """Contexts times requests, under two judges; the readout is how much more probable the bad reply is, in nats.

    Attributes:
        contexts: how many contexts of each kind; there are but few remarks.
        requests: how many requests.
    """

    name: ClassVar[str] = "bad_context"
    split: ClassVar[Split] = "use"
    data_sets: ClassVar[tuple[str, ...]] = ("rude", "refusing")
    judged: ClassVar[bool] = True

    contexts: tuple[int, int, int, int] = (36, 36, 20, 4)
    requests: int = 10

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        misbehaviour = misbehaviours()[data_set]
        if self.requests > len(misbehaviour.requests):
            raise TaskError(f"{self.name}/{data_set} has {len(misbehaviour.requests)} requests; lower `requests`")
        contexts: dict[str, Context] = {}
        for kind, count in enumerate(self.contexts):
            wanted = len(contexts) + count
            for _ in range(100 * count):
                if len(contexts) < wanted:
                    drawn = draw_context(generator, kind, misbehaviour)
                    contexts.setdefault(drawn.text, drawn)
            if len(contexts) < wanted:
                raise TaskError(f"{self.name}/{data_set} has too few contexts of the kind {KINDS[kind]} for {count}")
        chosen = generator.permutation(len(misbehaviour.requests))[: self.requests]
        requests = [misbehaviour.requests[i] for i in chosen]
        runs: list[Run] = []
        rows: list[tuple[float, ...]] = []
        for judge in (0, 1):
            for arm, context in enumerate(contexts.values()):
                for number, request in enumerate(requests):
                    runs.append(_run(encode, context, request, judge))
                    rows.append((arm, context.kind, context.manner, number, judge))
        names: list[tuple[str, Role]] = [("context", "arm"), ("kind", "trait"), ("manner", "trait")]
        structure = structure_of([*names, ("request", "nuisance"), ("held_out_judge", "sealed")], rows)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure, SealedArmRanking("context"))


def _run(encode: Encoder, context: Context, request: Request, judge: int) -> Run:
    prompt = (encode.bos, *encode(context.text), *encode(f"User: {request.text}\nAssistant:"))
    return Run(prompt + encode(request.bad[judge]), SpanMargin(len(prompt), encode(request.good[judge])))


FAMILIES.add(BadContext.name, BadContext())
