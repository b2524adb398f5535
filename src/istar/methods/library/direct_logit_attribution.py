"""Direct logit attribution by source token: what the reads get from a context through attention and nothing else.

The last residual stream at a read is a sum of what every attention head and every feed-forward module added to it,
and what a head adds is a sum over the tokens it attends to. Where rows are one context with parts removed, the value
of the whole run is differentiated with respect to gates on what its query attends to in the context, with the inputs of
all attention and feed-forward modules held fixed. So only direct paths count: head, residual stream, final norm,
readout, the last two linearised at the whole run. A gate stands inside the softmax, so a token's derivative is its
direct contribution less its share of what the head adds in all, for attention that leaves a token goes to the others.
Removed tokens take theirs off the whole run's value.

Nothing is learned. The context is processed once for all queries, a query costs a forward pass over its own tokens
and a backward pass through attention, and rows cost nothing. Compared with `attention_gates`, all that later modules
make of what was read is left out, and the expansion is about the whole run.

Source: Elhage et al., "A Mathematical Framework for Transformer Circuits" (2021); nostalgebraist, "Interpreting GPT:
the Logit Lens" (2020); Wang et al., "Interpretability in the Wild" (2022). They freeze the scale of the final norm;
its derivative is part of the linearisation here.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation, SharedContexts, align, smooth_value
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

Key = tuple[object, ...]


@dataclass
class Contributions:
    """The shared contexts; the value of each whole run met so far, and what each token contributes to it."""

    shared: SharedContexts
    known: dict[Key, tuple[Tensor, Tensor]] = field(default_factory=dict)


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing."""
    return Interpretation()


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> Contributions | None:
    """Find out which rows are one context with parts removed; None where they are not."""
    alignment = align(question)
    return None if alignment is None else Contributions(SharedContexts(target, alignment))


def predict(
    question: QuestionView,
    runs: Sequence[Run],
    target: Target,
    interpretation: Interpretation,
    prepared: Contributions | None,
) -> Float[Tensor, "runs channels"]:
    """Take the direct contributions of what a run lacks off the value of the whole run."""
    if prepared is None:
        return torch.empty(len(runs), 0)
    rows = [(key(run, prepared.shared), run) for run in runs]
    unknown = {name: run for name, run in rows if name not in prepared.known}
    for context in range(len(prepared.shared.contexts)):
        here = {name: run for name, run in unknown.items() if prepared.shared.alignment.of(run)[0].context == context}
        if here:
            prepared.known.update(zip(here, contributions(list(here.values()), context, prepared.shared), strict=True))
    values = torch.empty(len(runs), 1)
    for row, (name, run) in enumerate(rows):
        whole, worth = prepared.known[name]
        kept = prepared.shared.alignment.of(run)[0].kept
        values[row] = whole - worth.sum() + worth[list(kept)].sum()
    return values


def key(run: Run, shared: SharedContexts) -> Key:
    """Name a run by all but what it keeps of its context."""
    paths = tuple((place.context, place.query) for place in shared.alignment.of(run))
    return (*paths, run.tokens[-1], run.readout.kind)


def contributions(runs: Sequence[Run], context: int, shared: SharedContexts) -> list[tuple[Tensor, Tensor]]:
    """Return the values of runs with the whole of their context, and the derivatives by its tokens' gates."""
    gates = torch.ones(len(runs), len(shared.contexts[context])).requires_grad_()
    places = [shared.alignment.of(run) for run in runs]
    with ExitStack() as stack:
        for part in (*shared.target.anatomy.attentions, *shared.target.anatomy.mlps):
            stack.enter_context(part.register_forward_pre_hook(hold, with_kwargs=True))
        streams = shared.attend(context, gates, [[place.query for place in paths] for paths in places])
    values = []
    for run, paths, group in zip(runs, places, streams, strict=True):
        reads = [stream[list(place.reads)] for place, stream in zip(paths, group, strict=True)]
        values.append(smooth_value(run, [shared.log_probs(stream) for stream in reads]))
    (worth,) = torch.autograd.grad(torch.stack(values).sum(), gates)
    worth[:, 0] = 0.0  # the first token is the attention sink, and no run lacks it
    return [(value.detach(), each) for value, each in zip(values, worth, strict=True)]


def hold(module: object, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, Any]:
    """Let no gradient through to what a module is applied to."""
    if arguments:
        return (arguments[0].detach(), *arguments[1:]), keywords
    return arguments, {**keywords, "hidden_states": keywords["hidden_states"].detach()}
