"""Reading only the logits of the scored tokens: no softmax over the vocabulary, hence hardly any cost per read.

The dot product of a normed residual stream with the unembedding of the right token is the direct logit attribution of
that stream (Elhage et al., "A Mathematical Framework for Transformer Circuits", 2021). Without the normaliser it is
no log-probability, but within a question the normaliser often moves little, and the executor learns the scale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from istar.questions import ChoiceProbability, Run, SpanMargin
from istar.researchers.primitives.lens import DEPTHS, layer_at
from istar.researchers.primitives.primitive import PRIMITIVES, Primitive, choice

if TYPE_CHECKING:
    from istar.targets import Target


def scored_tokens(run: Run) -> tuple[tuple[int, ...], ...]:
    """Return the tokens that each path of a run is scored on; none for a readout that scores no given token."""
    start = getattr(run.readout, "start", None)
    if start is None:
        return ()
    if isinstance(run.readout, SpanMargin):
        return run.tokens[start:], run.readout.foil
    if isinstance(run.readout, ChoiceProbability):
        return run.tokens[start:], *run.readout.others
    return (run.tokens[start:],)


def answer_logits(target: Target, runs: Sequence[Run], depth: float) -> Tensor:
    """Return the sum of the scored tokens' logits at a depth, minus those of what it is set against, [runs, 1]."""
    streams = target.run(runs, upto=layer_at(target, depth))
    normed = target.anatomy.final_norm(streams.values)
    unembedding = target.anatomy.unembedding.get_parameter("weight")
    logits = []
    for row, run in enumerate(runs):
        total = torch.zeros((), device=target.device)
        for path, tokens in enumerate(scored_tokens(run)):
            found = normed[torch.tensor(streams.index(row, path).tolist(), device=target.device)]
            logit = (found * unembedding[torch.tensor(tokens, device=target.device)]).sum()
            total = total - logit if path else total + logit
        logits.append(total)
    return torch.stack(logits).unsqueeze(-1)


@PRIMITIVES.register("answer_logits")
@dataclass(frozen=True)
class AnswerLogits(Primitive):
    """The logits of the scored tokens at a depth."""

    kind: ClassVar[str] = "answer_logits"
    functions: ClassVar[tuple[Callable[..., object], ...]] = (layer_at, scored_tokens, answer_logits)
    depth: float = choice(*DEPTHS[::-1])

    @property
    def title(self) -> str:
        """See the base class."""
        return f"logits of the scored tokens alone at {self.depth} of the depth"

    @property
    def short(self) -> str:
        """See the base class."""
        return f"logits{self.depth * 100:.0f}"

    def predict_call(self, slot: int) -> str:
        """See the base class."""
        return f"answer_logits(target, runs, depth={self.depth})"
