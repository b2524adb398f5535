"""Masking what a row lacks in one shared key-value cache of the whole context, instead of leaving it out.

Source: attention knockout, Geva et al., "Dissecting Recall of Factual Associations in Auto-Regressive Language
Models" (2023); cutting a whole table out of one shared cache is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from istar.methods import SharedContexts, align
from istar.questions import QuestionView, Run
from istar.researchers.primitives.primitive import PRIMITIVES, Primitive

if TYPE_CHECKING:
    from istar.targets import Target


def shared_contexts(question: QuestionView, target: Target) -> SharedContexts | None:
    """Find out which rows are one context with parts removed; None where they are not."""
    alignment = align(question)
    return None if alignment is None else SharedContexts(target, alignment)


def attention_knockout(runs: Sequence[Run], contexts: SharedContexts | None) -> Tensor:
    """Return each run's readout, its last tokens seeing only the parts it has; no channel without contexts."""
    if contexts is None:
        return torch.zeros(len(runs), 0)
    return contexts.read(runs, contexts.run(runs)).unsqueeze(-1)


@PRIMITIVES.register("attention_knockout")
@dataclass(frozen=True)
class AttentionKnockout(Primitive):
    """The readout over one shared cache, with what a row lacks masked."""

    kind: ClassVar[str] = "attention_knockout"
    functions: ClassVar[tuple[Callable[..., object], ...]] = (shared_contexts, attention_knockout)

    @property
    def title(self) -> str:
        """See the base class."""
        return "attention knockout over one shared key-value cache of the whole context"

    @property
    def short(self) -> str:
        """See the base class."""
        return "knockout"

    def prepare_call(self, slot: int) -> str:
        """See the base class."""
        return "shared_contexts(question, target)"

    def predict_call(self, slot: int) -> str:
        """See the base class."""
        return f'attention_knockout(runs, contexts=prepared["{slot}"])'
