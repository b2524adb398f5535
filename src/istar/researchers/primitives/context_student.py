"""A student without layers: the final residual stream, predicted from the token and the average of those before it.

It costs next to nothing per token of context. The map is fitted in closed form on generic text, to the target's own
residual streams: a distilled bag-of-words model, the cheapest thing that knows what the text is about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from istar.questions import Run
from istar.researchers.primitives.lens import early_and_late, layer_at, ridge_regression
from istar.researchers.primitives.primitive import PRIMITIVES, Primitive, choice

if TYPE_CHECKING:
    from istar.targets import Corpus, Target


def context_features(target: Target, tokens: Sequence[int], memory: int) -> Tensor:
    """Return each token's embedding beside the mean embedding of the `memory` tokens up to it, [tokens, 2 width]."""
    table = target.anatomy.embedding.get_parameter("weight").detach()
    embedded = table[torch.tensor(list(tokens), device=target.device)].float()
    total = embedded.cumsum(0)
    window = torch.cat([total[:memory], total[memory:] - total[:-memory]])
    length = torch.arange(1, len(embedded) + 1, device=target.device).clamp(max=memory)
    return torch.cat([embedded, window / length[:, None]], dim=1)


def fit_context_student(target: Target, corpus: Corpus, memory: int, ridge: float) -> Tensor:
    """Fit the affine map from context features to the final residual stream, [2 width + 1, width]."""
    _, late = early_and_late(target, corpus, 1.0)
    inputs = torch.cat([context_features(target, tokens, memory)[1:].double() for tokens in corpus.tokens])
    return ridge_regression(inputs, late, ridge).float()


def context_student(target: Target, runs: Sequence[Run], student: Tensor, memory: int) -> Tensor:
    """Return each run's readout as the student says it, [runs, 1]."""
    streams = target.run(runs, upto=0)
    features = torch.zeros(len(streams.values), len(student) - 1, device=target.device)
    for row, run in enumerate(runs):
        for number, path in enumerate(run.paths):
            places = torch.tensor(streams.index(row, number).tolist(), device=target.device)
            reads = torch.tensor(list(path.reads), device=target.device)
            features[places] = context_features(target, path.tokens, memory)[reads]
    hidden = (features @ student[:-1] + student[-1]).to(target.dtype)
    return target.read(runs, streams, lens=lambda _: hidden).unsqueeze(-1)


@PRIMITIVES.register("context_student")
@dataclass(frozen=True)
class ContextStudent(Primitive):
    """The readout of a linear student of the last token and the average context."""

    kind: ClassVar[str] = "context_student"
    functions: ClassVar[tuple[Callable[..., object], ...]] = (
        layer_at,
        early_and_late,
        ridge_regression,
        context_features,
        fit_context_student,
        context_student,
    )
    memory: int = choice(16, 64, 256)
    ridge: float = choice(0.01, 0.1, 1.0)

    @property
    def title(self) -> str:
        """See the base class."""
        return f"linear student of the last token and the mean of {self.memory} tokens, ridge {self.ridge}"

    @property
    def short(self) -> str:
        """See the base class."""
        return f"student{self.memory}"

    def interpret_call(self, slot: int) -> dict[str, str]:
        """See the base class."""
        return {f"student_{slot}": f"fit_context_student(target, corpus, memory={self.memory}, ridge={self.ridge})"}

    def predict_call(self, slot: int) -> str:
        """See the base class."""
        return f'context_student(target, runs, student=interpretation.tensors["student_{slot}"], memory={self.memory})'
