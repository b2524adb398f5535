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


@dataclass
class Gradients:
    """The shared contexts, the share of a context that rows keep, and value and gradient of each query met so far."""

    shared: SharedContexts
    share: float
    known: dict = field(default_factory=dict)


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
    values = torch.empty(len(runs), 1)
    for row, run in enumerate(runs):
        places = prepared.shared.alignment.of(run)
        key = (run.readout.kind, run.tokens[-1], *((place.context, place.query) for place in places))
        if key not in prepared.known:
            prepared.known[key] = expand(run, prepared)
        value, gradient = prepared.known[key]
        values[row] = value + gradient[list(places[0].kept)].sum() - prepared.share * gradient.sum()
    return values


def expand(run: Run, prepared: Gradients) -> tuple[Tensor, Tensor]:
    """Return value and gradient with respect to the gates, averaged over points on the diagonal."""
    places = prepared.shared.alignment.of(run)
    context = places[0].context
    reach = min(prepared.share, 1 - prepared.share)
    values, gradients = [], []
    for point in range(POINTS):
        level = prepared.share + reach * ((2 * point + 1) / POINTS - 1)
        gates = torch.full((1, len(prepared.shared.contexts[context])), level)
        gates[0, 0] = 1.0  # the first token is the attention sink, and no run lacks it
        gates.requires_grad_()
        streams = prepared.shared.attend(context, gates, [[place.query for place in places]])[0]
        reads = [stream[list(place.reads)] for stream, place in zip(streams, places)]
        value = smooth_value(run, [prepared.shared.log_probs(stream) for stream in reads])
        (gradient,) = torch.autograd.grad(value, gates)
        values.append(value.detach())
        gradients.append(gradient[0])
    mean = torch.stack(gradients).mean(0)
    mean[0] = 0.0
    return torch.stack(values).mean(), mean
