"""Attention gates: what each part of a context is worth, from one gradient with respect to attention.

Every token of the context gets a gate that scales how much the query attends to it. Where rows are one context with
parts removed, a row is a corner of the cube of gates, and the value of the run, extended to the inside of the cube,
is approximated by its gradient at a few points on the diagonal. On the diagonal, because the Shapley value is the
integral of that gradient along it when the extension is multilinear. One gradient over the query's tokens, on the
shared key-value cache of the context, serves all rows with this query.

Source: Owen, "Multilinear Extensions of Games" (1972); attribution patching, Nanda (2023) and Syed et al. (2023), for
the gradient in place of the intervention.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation, SharedContexts, align, smooth_value
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

POINTS = 2  # on the diagonal, around the mean share of the context that rows keep

Key = tuple[object, ...]


@dataclass
class Gradients:
    """The shared contexts, the share of a context that rows keep, and value and gradient of each query met so far."""

    shared: SharedContexts
    share: float
    known: dict[Key, tuple[Tensor, Tensor]] = field(default_factory=dict)


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing."""
    return Interpretation()


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
    """Extrapolate along the gradient from the diagonal to the corner that is the run."""
    if prepared is None:
        return torch.empty(len(runs), 0)
    rows = [(run, key(run, prepared.shared)) for run in runs]
    unknown = {name: run for run, name in rows if name not in prepared.known}
    for context in range(len(prepared.shared.contexts)):
        here = {name: run for name, run in unknown.items() if prepared.shared.alignment.of(run)[0].context == context}
        if here:
            expand(here, context, prepared)
    values = torch.empty(len(runs), 1)
    for row, (run, name) in enumerate(rows):
        value, gradient = prepared.known[name]
        kept = prepared.shared.alignment.of(run)[0].kept
        values[row] = value + gradient[list(kept)].sum() - prepared.share * gradient.sum()
    return values


def key(run: Run, shared: SharedContexts) -> Key:
    """Name a run by all but what it keeps of its context."""
    paths = tuple((place.context, place.query) for place in shared.alignment.of(run))
    return (*paths, run.tokens[-1], run.readout.kind)


def expand(runs: dict[Key, Run], context: int, prepared: Gradients) -> None:
    """Find value and gradient with respect to the gates of some runs, averaged over points on the diagonal."""
    shared, length = prepared.shared, len(prepared.shared.contexts[context])
    reach = min(prepared.share, 1 - prepared.share)
    values, gradients = torch.zeros(len(runs)), torch.zeros(len(runs), length)
    for point in range(POINTS):
        level = prepared.share + reach * ((2 * point + 1) / POINTS - 1)
        gates = torch.full((len(runs), length), level)
        gates[:, 0] = 1.0  # the first token is the attention sink, and no run lacks it
        gates.requires_grad_()
        places = [shared.alignment.of(run) for run in runs.values()]
        streams = shared.attend(context, gates, [[place.query for place in paths] for paths in places])
        found = []
        for run, paths, group in zip(runs.values(), places, streams, strict=True):
            reads = [stream[list(place.reads)] for place, stream in zip(paths, group, strict=True)]
            found.append(smooth_value(run, [shared.log_probs(stream) for stream in reads]))
        (gradient,) = torch.autograd.grad(torch.stack(found).sum(), gates)
        values += torch.stack(found).detach() / POINTS
        gradients += gradient / POINTS
    gradients[:, 0] = 0.0
    prepared.known.update({name: (values[row], gradients[row]) for row, name in enumerate(runs)})
