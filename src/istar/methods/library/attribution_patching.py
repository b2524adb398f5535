"""Attribution patching of substituted tokens: a Taylor expansion of the value in the input embeddings serves all rows.

Where rows are one run with a token replaced, putting a token in another's place moves one input embedding by the
difference of the two tokens' embeddings. The first channel is the base run's value plus the dot product of that
difference and the value's gradient. One gradient a base run serves all its rows, and a row costs a dot product.

The second channel also counts curvature. The loss of a substitution is mostly what every other word would lose as
well, so that the expansion is best made about the average substitute: at each position the Hessian is applied to the
mean difference of the rows that replace the token there, and what is left out is the curvature along a substitute's
own difference from that mean. All positions' products come from one finite difference of gradients a probe, along the
mean differences of all positions at once, each under a random sign: with it the other positions' share of a product
has mean zero over probes.

Nothing is learned. Rows that are no substitutions have no channel.

Source: Ebrahimi et al., "HotFlip: White-Box Adversarial Examples for Text Classification" (2018); attribution
patching, Nanda (2023), Syed et al., "Attribution Patching Outperforms Automated Circuit Discovery" (2023) and Kramár
et al., "AtP*" (2024); random signs for a block of the Hessian, Bekas, Kokiopoulou and Saad (2007).
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation, Substitutions, smooth_value, substitutions
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

PROBES = 1  # gradients spent on curvature, for each base run
STEP = 1e-3  # of the finite difference, as a share of the mean differences

Expansion = tuple[Tensor, Tensor, Tensor]
"""The base's value; first and second order slopes, [length, width, 2]; the second order's offsets, [length, 2]."""


@dataclass
class Expanded:
    """How rows replace tokens of base runs, all tokens put at a position of a base, and expansions met so far."""

    found: Substitutions
    substitutes: dict[int, dict[int, list[int]]]
    known: dict[int, Expansion] = field(default_factory=dict)


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing."""
    return Interpretation()


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> Expanded | None:
    """Find out which rows are one run with tokens replaced; None where they are not."""
    found = substitutions(question)
    if found is None:
        return None
    substitutes: dict[int, dict[int, list[int]]] = {}
    for place in map(found.of, question.runs):
        for position, token in enumerate(place.tokens, place.position):
            substitutes.setdefault(place.base, {}).setdefault(position, []).append(token)
    return Expanded(found, substitutes)


def predict(
    question: QuestionView,
    runs: Sequence[Run],
    target: Target,
    interpretation: Interpretation,
    prepared: Expanded | None,
) -> Float[Tensor, "runs channels"]:
    """Expand each run's value about its base to first and to second order."""
    if prepared is None:
        return torch.empty(len(runs), 0)
    places = [prepared.found.of(run) for run in runs]
    channels = torch.zeros(len(runs), 2)
    for base in dict.fromkeys(place.base for place in places):
        rows = [row for row, place in enumerate(places) if place.base == base]
        if base not in prepared.known:
            prepared.known[base] = expand(prepared.found.bases[base], prepared.substitutes.get(base, {}), target)
        value, slopes, offsets = prepared.known[base]
        channels[rows] = value
        changes = [(row, *each) for row in rows for each in enumerate(places[row].tokens, places[row].position)]
        if changes:
            row, position, token = torch.tensor(changes).unbind(1)
            moved = target.anatomy.embedding(token)
            change = torch.einsum("nw,nwc->nc", moved, slopes[position]) + offsets[position]
            channels.index_add_(0, row, change)
    return channels


def expand(base: Run, substitutes: dict[int, list[int]], target: Target) -> Expansion:
    """Return the base's value, and how an embedding put at each of its positions changes that."""
    length = base.paths[0].reads[0] + 1
    actual = target.anatomy.embedding(torch.tensor(base.tokens[:length]))
    mean = torch.zeros_like(actual)
    for position, tokens in substitutes.items():
        mean[position] = target.anatomy.embedding(torch.tensor(tokens)).mean(0) - actual[position]
    value, gradient = differentiate(base, torch.zeros_like(actual), target)
    curved = torch.zeros_like(actual)
    for _ in range(PROBES):
        signs = torch.randint(0, 2, (length, 1)) * 2.0 - 1.0
        _, there = differentiate(base, STEP * signs * mean, target)
        curved += signs * (there - gradient) / (STEP * PROBES)
    slopes = torch.stack([gradient, gradient + curved], dim=2)
    offsets = -torch.einsum("lw,lwc->lc", actual, slopes)
    offsets[:, 1] -= 0.5 * (mean * curved).sum(1)
    return value, slopes, offsets


def differentiate(base: Run, shift: Float[Tensor, "length width"], target: Target) -> tuple[Tensor, Tensor]:
    """Return the value with the input embeddings shifted, and its gradient with respect to the shift."""
    shift = shift.clone().requires_grad_()

    def move(module: object, arguments: object, output: Tensor) -> Tensor:
        return torch.cat([output[:, : len(shift)] + shift, output[:, len(shift) :]], dim=1)

    log_probs = []
    for path in base.paths:
        with nullcontext() if path.plain else target.anatomy.embedding.register_forward_hook(move):
            last = target.forward(torch.tensor([path.tokens]))[0]
        log_probs.append(target.unembed(last[list(path.reads)]))
    value = smooth_value(base, log_probs)
    return value.detach(), torch.autograd.grad(value, shift)[0]
