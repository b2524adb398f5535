"""Family `context_attribution`: what does each sentence of a context do to an answer?

Two variants. Leave-one-out: several contexts, each whole and with every sentence removed in turn; the answer is the
effect of each removal. Subsets: one context under random halves of its sentences; the answer is the linear datamodel,
scored on held-out subsets by the linear datamodeling score (Cohen-Wang et al., ContextCite, 2024). Several phrasings
of the query are exchangeable replicates, and effects are on their mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.questions import (
    DatamodelEffects,
    Question,
    Readout,
    RemovalEffects,
    Role,
    Run,
    SpanLogprob,
    SpanMargin,
    build_trie,
)
from istar.tasks.data.contexts import Context, Probe, fact_context, review_context
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

CONTEXTS = {"facts": fact_context, "reviews": review_context}


@dataclass(frozen=True)
class ContextAttribution(Family):
    """Contexts with sentences removed, times phrasings of a query; the unit is nats.

    Contexts, or subsets, are drawn until brute force takes `ratio` times the tokens of the longest run: a table that
    is not much dearer than a single look at it leaves nothing to save.

    Attributes:
        tokens: the least and greatest length of a context in tokens.
        parts: the least and greatest number of sentences of a context.
        ratio: the least number of longest runs, in tokens, that brute force takes.
        subsets: the least number of subsets of a question of the subset variant.
        held_out: how many of them serve the score alone.
    """

    name: ClassVar[str] = "context_attribution"
    split: ClassVar[Split] = "train"
    data_sets: ClassVar[tuple[str, ...]] = ("facts-loo", "facts-subsets", "reviews-loo", "reviews-subsets")

    tokens: tuple[int, int] = (256, 276)
    parts: tuple[int, int] = (16, 20)
    ratio: float = 105.0
    subsets: int = 144
    held_out: int = 40

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        source, variant = data_set.split("-")

        def draw() -> Context:
            return CONTEXTS[source](encode, generator, self.tokens, self.parts)

        task = f"{self.name}/{data_set}"
        if variant == "loo":
            tables = [_leave_one_out(0, draw(), encode)]
            while not self._dear(tables):
                tables.append(_leave_one_out(len(tables), draw(), encode))
            names: list[tuple[str, Role]] = [("context", "arm"), ("removed", "arm"), ("probe", "nuisance")]
            names += [("removed_length", "covariate"), ("removed_overlap", "covariate")]
            return _question(task, index, tables, names, RemovalEffects("context", "removed"))
        context = draw()
        tables, seen = [], set()
        while len(tables) < self.subsets or not self._dear(tables):
            kept = _half(context, encode, generator)
            if kept not in seen:
                seen.add(kept)
                tables.append(_subset(len(tables), context, kept, encode))
            elif len(seen) > 2 ** (len(context.sentences) - 2):
                raise TaskError(f"{task}: a context of {len(context.sentences)} sentences has too few halves")
        names = [("subset", "arm"), *((f"sentence_{i}", "switch") for i in range(len(context.sentences)))]
        names += [("probe", "nuisance"), ("length", "covariate"), ("overlap", "covariate")]
        return _question(task, index, tables, names, DatamodelEffects("subset", self.held_out))

    def _dear(self, tables: Sequence[Table]) -> bool:
        runs = [run for table in tables for run, _ in table]
        longest = max(len(path.tokens) for run in runs for path in run.paths)
        # distinct subsets of one context share at most their prefixes, so a bound spares most of the tries
        if sum(len(run.tokens) for run in runs) < self.ratio * longest:
            return False
        return build_trie(runs).unique_tokens >= self.ratio * longest


Table = list[tuple[Run, tuple[float, ...]]]
"""Runs with their structure."""


def _question(
    task: str,
    index: int,
    tables: Sequence[Table],
    names: Sequence[tuple[str, Role]],
    functional: RemovalEffects | DatamodelEffects,
) -> Question:
    rows = [row for table in tables for row in table]
    structure = structure_of(names, [values for _, values in rows])
    return Question(task, index, tuple(run for run, _ in rows), structure, functional)


def _run(context: Context, kept: Iterable[int], probe: Probe, encode: Encoder) -> Run:
    text = tuple(token for sentence in kept for token in encode(context.sentences[sentence]))
    prompt = (encode.bos, *text, *encode(probe.prompt))
    readout: Readout = SpanLogprob(len(prompt))
    if probe.foil is not None:
        readout = SpanMargin(len(prompt), encode(probe.foil))
    return Run(prompt + encode(probe.answer), readout)


def _leave_one_out(unit: int, context: Context, encode: Encoder) -> Table:
    table: Table = []
    for removed in range(len(context.sentences) + 1):
        kept = [sentence for sentence in range(len(context.sentences)) if sentence != removed - 1]
        overlap = context.overlap(removed - 1) if removed else 0.0
        length = len(encode(context.sentences[removed - 1])) if removed else 0
        for number, probe in enumerate(context.probes):
            values = (unit, removed, number, length, overlap)
            table.append((_run(context, kept, probe, encode), values))
    return table


def _half(context: Context, encode: Encoder, generator: np.random.Generator) -> tuple[int, ...]:
    """Return random sentences with close to half of the context's tokens, so that no run is much dearer than others."""
    lengths = np.array([len(encode(sentence)) for sentence in context.sentences])
    while True:
        kept = np.flatnonzero(generator.random(len(lengths)) < 0.5)
        if 0.4 <= lengths[kept].sum() / lengths.sum() <= 0.6:
            return tuple(kept.tolist())


def _subset(subset: int, context: Context, kept: tuple[int, ...], encode: Encoder) -> Table:
    present = [sentence in kept for sentence in range(len(context.sentences))]
    length = sum(len(encode(context.sentences[sentence])) for sentence in kept)
    overlap = sum(context.overlap(sentence) for sentence in kept)
    table: Table = []
    for number, probe in enumerate(context.probes):
        values = (subset, *present, number, length, overlap)
        table.append((_run(context, kept, probe, encode), values))
    return table


FAMILIES.add(ContextAttribution.name, ContextAttribution())
