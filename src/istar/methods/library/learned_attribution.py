"""Learned attribution: what each part of a context is worth, by heads whose worth as causes was learned.

In every head of every block, every token of the context gets a gate that scales how much the query attends to it. The
gradient with respect to a gate says to first order what closing it does through that one head. Some heads do what their
gradients say, others are made up for by later ones: so the effect of a removal is a weighted sum over heads, and the
weights, one a head, are learned once, by ridge regression on the effects of parts that `interpret` itself leaves out of
generic text. They belong to the model, and are the same for all tasks. One forward and one backward pass over the
query's tokens, on the shared key-value cache of the context, serve all rows with this query.

Source: Cohen-Wang et al., "Learning to Attribute with Attention" (AT2, 2025), with gradients times attention in place
of attention; ridge regression about the best common weight, its penalty by cross-validation over texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import (
    Alignment,
    Interpretation,
    Placement,
    SharedContexts,
    align,
    heads_of,
    learned_weights,
    smooth_value,
)
from istar.questions import QuestionView, Run, SpanLogprob
from istar.targets import Corpus, Target

CONTEXT, PART, QUERY, READ = 80, 10, 8, 4  # tokens of a generic context, of its parts, after it, and read at the end
TEXTS, FEWEST = 40, 4

Key = tuple[object, ...]


@dataclass
class Gradients:
    """Shared contexts, what share of one rows keep, and by query the value without a context and what tokens add."""

    shared: SharedContexts
    share: float
    known: dict[Key, tuple[Tensor, Tensor]] = field(default_factory=dict)


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Leave parts out of generic contexts, and learn what each head's gradient says of it."""
    shape = (target.layers, heads_of(target))
    texts = [tokens[: CONTEXT + QUERY] for tokens in corpus.tokens[:TEXTS] if len(tokens) >= CONTEXT + QUERY]
    if len(texts) < FEWEST:  # too little to learn from: every head counts alike
        return Interpretation({"weights": torch.ones(shape)})
    whole = [Run(tokens, SpanLogprob(CONTEXT + QUERY - READ)) for tokens in texts]
    reads = tuple(range(QUERY - READ - 1, QUERY - 1))
    placed = {
        run.paths[0]: Placement(place, tuple(range(CONTEXT)), run.tokens[CONTEXT:], reads)
        for place, run in enumerate(whole)
    }
    shared = SharedContexts(target, Alignment(tuple(tokens[:CONTEXT] for tokens in texts), placed))
    generator = torch.Generator().manual_seed(0)
    found = [effects(run, place, shared, generator) for place, run in enumerate(whole)]
    weights = learned_weights(torch.stack([said for said, _ in found]), torch.stack([done for _, done in found]))
    return Interpretation({"weights": weights.reshape(shape)})


def effects(
    run: Run, place: int, shared: SharedContexts, generator: torch.Generator
) -> tuple[Float[Tensor, "subsets heads"], Float[Tensor, " subsets"]]:
    """Leave out each part alone and random halves: what every head's gradient says of it, and what happens."""
    alone = 1 - torch.eye(CONTEXT // PART)
    halves = torch.stack([torch.randperm(len(alone), generator=generator) % 2 for _ in alone]).float()
    said, before, runs = [], [], []
    for subsets in (alone, halves):
        kept = subsets.repeat_interleave(PART, dim=1)
        kept[:, 0] = 1.0
        level = float(kept.mean())
        value, gradient = expand([run], place, shared, level)
        said.append(torch.einsum("sk,bhk->sbh", kept - level, gradient[0]).flatten(1))
        before.append(value.expand(len(kept)))
        for keep in kept.bool().tolist():
            tokens = tuple(token for token, here in zip(run.tokens, keep + [True] * QUERY, strict=True) if here)
            runs.append(Run(tokens, SpanLogprob(len(tokens) - READ)))
    return torch.cat(said), shared.target.values(runs).float() - torch.cat(before)


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> Gradients | None:
    """Find out which rows are one context with parts removed; None where they are not."""
    alignment = align(question)
    if alignment is None:
        return None
    places = [alignment.of(run)[0] for run in question.runs]
    share = sum(len(place.kept) / len(alignment.contexts[place.context]) for place in places) / len(places)
    return Gradients(SharedContexts(target, alignment), share)


def predict(
    question: QuestionView,
    runs: Sequence[Run],
    target: Target,
    interpretation: Interpretation,
    prepared: Gradients | None,
) -> Float[Tensor, "runs channels"]:
    """Add up what the learned heads say of what a run keeps."""
    if prepared is None:
        return torch.empty(len(runs), 0)
    shared, weights = prepared.shared, interpretation.tensors["weights"][..., None]
    rows = [(shared.alignment.of(run), run) for run in runs]
    keys = [(*((each.context, each.query) for each in paths), run.tokens[-1], run.readout.kind) for paths, run in rows]
    for context in range(len(shared.contexts)):
        here = {key: run for key, (paths, run) in zip(keys, rows, strict=True) if paths[0].context == context}
        new = {key: run for key, run in here.items() if key not in prepared.known}
        if new:
            values, gradients = expand(list(new.values()), context, shared, prepared.share)
            worth = (gradients * weights).sum((1, 2))
            nothing = values - prepared.share * worth.sum(1)
            prepared.known.update(zip(new, zip(nothing, worth, strict=True), strict=True))
    found = [(prepared.known[key], paths[0].kept) for key, (paths, _) in zip(keys, rows, strict=True)]
    return torch.stack([nothing + worth[list(kept)].sum() for (nothing, worth), kept in found])[:, None]


def expand(
    runs: list[Run], context: int, shared: SharedContexts, level: float
) -> tuple[Float[Tensor, " runs"], Float[Tensor, "runs blocks heads context"]]:
    """Return values with all gates at one level, and gradients with respect to the gates."""
    places = [shared.alignment.of(run) for run in runs]
    gates = torch.full((len(runs), shared.target.layers, heads_of(shared.target), len(shared.contexts[context])), level)
    gates[..., 0] = 1.0  # the first token is the attention sink, and no run lacks it
    gates.requires_grad_()
    streams = shared.attend(context, gates, [[place.query for place in paths] for paths in places])
    values = []
    for run, paths, group in zip(runs, places, streams, strict=True):
        reads = [shared.log_probs(stream[list(place.reads)]) for place, stream in zip(paths, group, strict=True)]
        values.append(smooth_value(run, reads))
    (gradient,) = torch.autograd.grad(torch.stack(values).sum(), gates)
    gradient[..., 0] = 0.0
    return torch.stack(values).detach().float(), gradient
