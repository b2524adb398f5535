"""Family `context_attribution`: what does each sentence of a context do to an answer?

Two variants. Leave-one-out: several contexts, each whole and with every sentence removed in turn; the answer is the
effect of each removal. Subsets: one context under random halves of its sentences; the answer is the linear datamodel,
scored on held-out subsets by the linear datamodeling score (Cohen-Wang et al., ContextCite, 2024). Several phrasings
of the query are exchangeable replicates, and effects are on their mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.questions import (
    Column,
    DatamodelEffects,
    Question,
    Readout,
    RemovalEffects,
    Run,
    SpanLogprob,
    SpanMargin,
    Structure,
)
from istar.tasks.data.contexts import Context, Probe, fact_context, review_context
from istar.tasks.family import FAMILIES, Encoder, Family, Split

CONTEXTS = {"facts": fact_context, "reviews": review_context}


def _run(context: Context, kept: Iterable[int], probe: Probe, encode: Encoder) -> Run:
    text = tuple(token for sentence in kept for token in encode(context.sentences[sentence]))
    prompt = (encode.bos, *text, *encode(probe.prompt))
    readout: Readout = SpanLogprob(len(prompt))
    if probe.foil is not None:
        readout = SpanMargin(len(prompt), encode(probe.foil))
    return Run(prompt + encode(probe.answer), readout)


@dataclass(frozen=True)
class ContextAttribution(Family):
    """Contexts with sentences removed, times phrasings of a query; the unit is nats.

    Attributes:
        tokens: the least and greatest length of a context in tokens.
        parts: the least and greatest number of sentences of a context.
        contexts: how many contexts a leave-one-out question has.
        subsets: how many subsets a question of the subset variant has.
        held_out: how many of them serve the score alone.
    """

    name: ClassVar[str] = "context_attribution"
    split: ClassVar[Split] = "train"
    data_sets: ClassVar[tuple[str, ...]] = ("facts-loo", "facts-subsets", "reviews-loo", "reviews-subsets")

    tokens: tuple[int, int] = (256, 300)
    parts: tuple[int, int] = (15, 19)
    contexts: int = 10
    subsets: int = 192
    held_out: int = 48

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        source, variant = data_set.split("-")
        draw = CONTEXTS[source]
        if variant == "loo":
            contexts = [draw(encode, generator, self.tokens, self.parts) for _ in range(self.contexts)]
            return self._leave_one_out(f"{self.name}/{data_set}", index, contexts, encode)
        context = draw(encode, generator, self.tokens, self.parts)
        return self._sampled_subsets(f"{self.name}/{data_set}", index, context, encode, generator)

    def _leave_one_out(self, task: str, index: int, contexts: list[Context], encode: Encoder) -> Question:
        runs, rows = [], []
        for unit, context in enumerate(contexts):
            everything = range(len(context.sentences))
            for removed in range(len(context.sentences) + 1):
                kept = [sentence for sentence in everything if sentence != removed - 1]
                overlap = context.overlap(removed - 1) if removed else 0.0
                length = len(encode(context.sentences[removed - 1])) if removed else 0
                for probe, each in enumerate(context.probes):
                    runs.append(_run(context, kept, each, encode))
                    rows.append((unit, removed, probe, length, overlap))
        names = (("context", "arm"), ("removed", "arm"), ("probe", "nuisance"))
        covariates = (("removed_length", "covariate"), ("removed_overlap", "covariate"))
        columns = zip(names + covariates, zip(*rows, strict=True), strict=True)
        structure = Structure(tuple(Column(name, role, tuple(map(float, values))) for (name, role), values in columns))
        return Question(task, index, tuple(runs), structure, RemovalEffects("context", "removed"))

    def _sampled_subsets(
        self, task: str, index: int, context: Context, encode: Encoder, generator: np.random.Generator
    ) -> Question:
        lengths = np.array([len(encode(sentence)) for sentence in context.sentences])
        count = len(lengths)
        subsets: dict[tuple[int, ...], None] = {}
        while len(subsets) < self.subsets:
            kept = np.flatnonzero(generator.random(count) < 0.5)
            # close to one half, so that no run is much dearer than another
            if 0.4 <= lengths[kept].sum() / lengths.sum() <= 0.6:
                subsets[tuple(kept.tolist())] = None
        overlaps = [context.overlap(sentence) for sentence in range(count)]
        runs, rows = [], []
        for subset, sentences in enumerate(subsets):
            length = lengths[list(sentences)].sum()
            overlap = sum(overlaps[sentence] for sentence in sentences)
            present = [sentence in sentences for sentence in range(count)]
            for probe, each in enumerate(context.probes):
                runs.append(_run(context, sentences, each, encode))
                rows.append((subset, *present, probe, length, overlap))
        names = [("subset", "arm"), *((f"sentence_{i}", "switch") for i in range(count)), ("probe", "nuisance")]
        names += [("length", "covariate"), ("overlap", "covariate")]
        columns = zip(names, zip(*rows, strict=True), strict=True)
        structure = Structure(tuple(Column(name, role, tuple(map(float, values))) for (name, role), values in columns))
        return Question(task, index, tuple(runs), structure, DatamodelEffects("subset", self.held_out))


FAMILIES.add(ContextAttribution.name, ContextAttribution())
