"""Gradient times activation: what each token of a context is worth, from one backward pass a query.

Where rows are one context with parts removed, one whole run for each query is attributed to the tokens of its
context: a token is worth the dot product of its residual stream at the input of one block and the gradient of the
run's value with respect to it, which is what the value would lose, to first order, if that stream were set to zero.
A row's channel is the whole run's value less the worth of what the row lacks, so rows cost nothing once the backward
pass of their query is paid; blocks below the attributed one are passed forwards only.

Zero is no natural residual stream, and one gradient sees no saturation: `integrated_gradients` spends more for a
better baseline and a path. Nothing is learned.

Source: gradient times input, Shrikumar et al., "Not Just a Black Box" (2016), at an inner layer; Ancona et al.,
"Towards Better Understanding of Gradient-based Attribution Methods for Deep Neural Networks" (2018).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Alignment, Interpretation, Placement, align, smooth_value
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

LAYER = 0.3  # at the input of which block the stream is attributed, as a share of the blocks; 0 is the embeddings


@dataclass
class Attributed:
    """How the rows share contexts; value and the context tokens' worth for each whole run met so far."""

    alignment: Alignment
    known: dict[object, tuple[Tensor, Tensor]] = field(default_factory=dict)


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing."""
    return Interpretation()


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> Attributed | None:
    """Find out which rows are one context with parts removed; None where they are not."""
    alignment = align(question)
    return None if alignment is None else Attributed(alignment)


def predict(
    question: QuestionView,
    runs: Sequence[Run],
    target: Target,
    interpretation: Interpretation,
    prepared: Attributed | None,
) -> Float[Tensor, "runs channels"]:
    """Take the worth of what a run lacks off the value of the whole run."""
    if prepared is None:
        return torch.empty(len(runs), 0)
    values = torch.empty(len(runs), 1)
    for row, run in enumerate(runs):
        places = prepared.alignment.of(run)
        key = (run.readout.kind, run.tokens[-1], *((place.context, place.query) for place in places))
        if key not in prepared.known:
            context = prepared.alignment.contexts[places[0].context]
            prepared.known[key] = attribute(run, places, context, target)
        whole, worth = prepared.known[key]
        values[row] = whole - worth.sum() + worth[list(places[0].kept)].sum()
    return values


def attribute(
    run: Run, places: Sequence[Placement], context: tuple[int, ...], target: Target
) -> tuple[Float[Tensor, ""], Float[Tensor, " context"]]:
    """Return the value of the whole run, and what each token of its context is worth."""
    block = target.anatomy.blocks[min(round(LAYER * target.layers), target.layers - 1)]
    entered: list[Tensor] = []

    def watch(block: object, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        stream = arguments[0] if arguments else keywords["hidden_states"]
        entered.append(stream.requires_grad_())

    log_probs = []
    with block.register_forward_pre_hook(watch, with_kwargs=True):
        for place in places:
            last = target.forward(torch.tensor([[*context, *place.query]]))[0]
            log_probs.append(target.unembed(last[[len(context) + read for read in place.reads]]))
    value = smooth_value(run, log_probs)
    worth = torch.zeros(len(context))
    for stream, gradient in zip(entered, torch.autograd.grad(value, entered), strict=True):
        worth += (stream.detach() * gradient)[0, : len(context)].sum(-1)
    return value.detach(), worth
