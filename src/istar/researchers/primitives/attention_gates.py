"""What each part of a context is worth, from one gradient with respect to how much the query attends to it.

Source: the multilinear extension of a game, Owen (1972); a gradient in place of an intervention is attribution
patching, Nanda (2023). A query's few gradient passes over a shared key-value cache serve all rows with that query.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from istar.methods import SharedContexts, align, smooth_value
from istar.questions import QuestionView, Run
from istar.researchers.primitives.primitive import PRIMITIVES, Primitive, choice

if TYPE_CHECKING:
    from istar.targets import Target


@dataclass
class GatedContexts:
    """The contexts that rows share, the share of a context that rows keep, and each query's expansion once known."""

    shared: SharedContexts
    share: float
    known: dict[Any, tuple[Tensor, Tensor]] = field(default_factory=dict)


def gated_contexts(question: QuestionView, target: Target) -> GatedContexts | None:
    """Find out which rows are one context with parts removed; None where they are not."""
    alignment = align(question)
    if alignment is None:
        return None
    places = [alignment.of(run)[0] for run in question.runs]
    share = sum(len(place.kept) / len(alignment.contexts[place.context]) for place in places) / len(places)
    return GatedContexts(SharedContexts(target, alignment), share)


def expand(run: Run, gated: GatedContexts, points: int) -> tuple[Tensor, Tensor]:
    """Return value and gradient of the gates, averaged over points of their cube's diagonal."""
    places = gated.shared.alignment.of(run)
    context = places[0].context
    reach = min(gated.share, 1 - gated.share)
    values, gradients = [], []
    for point in range(points):
        level = gated.share + reach * ((2 * point + 1) / points - 1)
        gates = torch.full((1, len(gated.shared.contexts[context])), level)
        gates[0, 0] = 1.0  # the first token is the attention sink, and no run lacks it
        gates.requires_grad_()
        streams = gated.shared.attend(context, gates, [[place.query for place in places]])[0]
        reads = [stream[list(place.reads)] for stream, place in zip(streams, places, strict=True)]
        value = smooth_value(run, [gated.shared.log_probs(stream) for stream in reads])
        (gradient,) = torch.autograd.grad(value, gates)
        values.append(value.detach())
        gradients.append(gradient[0])
    mean = torch.stack(gradients).mean(0)
    mean[0] = 0.0
    return torch.stack(values).mean(), mean


def attention_gates(runs: Sequence[Run], gated: GatedContexts | None, points: int) -> Tensor:
    """Extrapolate along the gradient from the diagonal to the corner that each run is; no channel without contexts."""
    if gated is None:
        return torch.zeros(len(runs), 0)
    values = torch.empty(len(runs), 1)
    for row, run in enumerate(runs):
        places = gated.shared.alignment.of(run)
        key = (run.readout.kind, run.tokens[-1], *((place.context, place.query) for place in places))
        if key not in gated.known:
            gated.known[key] = expand(run, gated, points)
        value, gradient = gated.known[key]
        values[row] = value + gradient[list(places[0].kept)].sum() - gated.share * gradient.sum()
    return values


@PRIMITIVES.register("attention_gates")
@dataclass(frozen=True)
class AttentionGates(Primitive):
    """First-order worth of each token of a shared context, by gradients of attention gates."""

    kind: ClassVar[str] = "attention_gates"
    functions: ClassVar[tuple[Callable[..., object], ...]] = (GatedContexts, gated_contexts, expand, attention_gates)
    points: int = choice(1, 2)

    @property
    def title(self) -> str:
        """See the base class."""
        return f"attention gates: gradients at {self.points} point(s) between no context and all of it"

    @property
    def short(self) -> str:
        """See the base class."""
        return f"gates{self.points}"

    def prepare_call(self, slot: int) -> str:
        """See the base class."""
        return "gated_contexts(question, target)"

    def predict_call(self, slot: int) -> str:
        """See the base class."""
        return f'attention_gates(runs, gated=prepared["{slot}"], points={self.points})'
