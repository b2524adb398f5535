"""Integrated gradients at a residual stream: a linear surrogate of what each part of a context is worth.

Where rows are one context with parts removed, one whole run for each query is attributed to the tokens of its
context: gradients of its value are averaged along the straight line from the mean residual stream of generic text to
the actual one, at the input of one block. A row's channel is the whole run's value less the attributions of what the
row lacks, so rows cost nothing once their query's few gradient passes are paid.

Source: Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks" (2017), with the mean stream as the
baseline.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Alignment, Interpretation, Placement, align, smooth_value, without_blocks
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

DEPTH = 0.3  # where the stream is attributed, as a share of the blocks; 0 is the embeddings
STEPS = 2  # midpoints of the line at which gradients are taken

Tokens = tuple[int, ...]


@dataclass
class Attributed:
    """How the rows share contexts; value and attributions of each whole run met so far."""

    alignment: Alignment
    known: dict[object, tuple[Tensor, Tensor]] = field(default_factory=dict)


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Average the stream over generic text, without the first position of each sequence."""
    with torch.no_grad():
        streams = [target.forward(torch.tensor([tokens]), upto=layer(target))[0, 1:] for tokens in corpus.tokens]
    return Interpretation({"mean": torch.cat(streams).mean(0)})


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
    """Take the attributions of what a run lacks off the value of the whole run."""
    if prepared is None:
        return torch.empty(len(runs), 0)
    values = torch.empty(len(runs), 1)
    for row, run in enumerate(runs):
        places = prepared.alignment.of(run)
        key = (run.readout.kind, run.tokens[-1], *((place.context, place.query) for place in places))
        if key not in prepared.known:
            prepared.known[key] = attribute(run, places, prepared.alignment, target, interpretation.tensors["mean"])
        whole, worth = prepared.known[key]
        values[row] = whole - worth.sum() + worth[list(places[0].kept)].sum()
    return values


def attribute(
    run: Run, places: Sequence[Placement], alignment: Alignment, target: Target, mean: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the value of the whole run, and what each token of its context adds to it."""
    context = alignment.contexts[places[0].context]
    with torch.no_grad():
        inputs = {place.query: torch.tensor([[*context, *place.query]]) for place in places}
        streams = {query: target.forward(tokens, upto=layer(target)) for query, tokens in inputs.items()}
        whole = value(run, places, inputs, streams, target)
    actual = streams[places[0].query][:, : len(context)]
    worth = torch.zeros(len(context))
    for step in range(STEPS):
        point = (mean + (step + 0.5) / STEPS * (actual - mean)).requires_grad_()
        moved = {query: torch.cat([point, stream[:, len(context) :]], 1) for query, stream in streams.items()}
        (gradient,) = torch.autograd.grad(value(run, places, inputs, moved, target), point)
        worth += ((actual - mean) * gradient)[0].sum(-1) / STEPS
    return whole, worth


def value(
    run: Run, places: Sequence[Placement], inputs: dict[Tokens, Tensor], streams: dict[Tokens, Tensor], target: Target
) -> Tensor:
    """Return the run's value when these are the streams at the input of the attributed block."""
    last = {}
    block = target.anatomy.blocks[layer(target)]
    for query, stream in streams.items():
        hook = block.register_forward_pre_hook(partial(enter, stream), with_kwargs=True)
        with hook, without_blocks(target, range(layer(target))):
            last[query] = target.forward(inputs[query])[0]
    context = inputs[places[0].query].shape[1] - len(places[0].query)
    reads = [last[place.query][[context + read for read in place.reads]] for place in places]
    return smooth_value(run, [target.unembed(stream) for stream in reads])


def enter(stream: Tensor, block: object, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, Any]:
    """Put a stream in place of what would enter a block."""
    return ((stream, *arguments[1:]), keywords) if arguments else ((), {**keywords, "hidden_states": stream})


def layer(target: Target) -> int:
    """Return the block at whose input the stream is attributed."""
    return min(round(DEPTH * target.layers), target.layers - 1)
