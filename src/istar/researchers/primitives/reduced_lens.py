"""A tuned lens that unembeds only the tokens a question asks about and the likeliest others.

Unembedding a position into a vocabulary of tens of thousands can cost a quarter of computing it; what the tokens left
out hold shifts all log-probabilities alike. Source: estimating a softmax on a subset of words, Jean et al., "On Using
Very Large Target Vocabulary for Neural Machine Translation" (2015); the lens is Belrose et al. (2023).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from istar.methods import asked_tokens, renumbered
from istar.questions import QuestionView, Run
from istar.researchers.primitives.lens import (
    DEPTHS,
    early_and_late,
    layer_at,
    ridge_regression,
    ridge_translator,
    translate,
)
from istar.researchers.primitives.primitive import PRIMITIVES, Primitive, choice

if TYPE_CHECKING:
    from istar.targets import Corpus, Target


def frequent_tokens(target: Target, corpus: Corpus, count: int) -> Tensor:
    """Return the tokens that the target thinks likeliest on average over generic text."""
    _, late = early_and_late(target, corpus, 1.0)
    likely = torch.zeros(target.vocabulary, device=target.device)
    with torch.no_grad():
        for first in range(0, len(late), 128):
            likely += target.unembed(late[first : first + 128].to(target.dtype)).exp().sum(0)
    return likely.topk(min(count, target.vocabulary)).indices


def reduced_vocabulary(question: QuestionView, target: Target, frequent: Tensor) -> tuple[dict[int, int], Tensor]:
    """Number the tokens that are read, and take their rows out of the unembedding."""
    asked = {token for run in question.runs for token in asked_tokens(run)}
    chosen = sorted(asked | set(frequent.tolist()))
    numbers = {token: number for number, token in enumerate(chosen)}
    return numbers, target.anatomy.unembedding.get_parameter("weight")[chosen].detach()


def reduced_lens(
    target: Target, runs: Sequence[Run], depth: float, translator: Tensor, vocabulary: tuple[dict[int, int], Tensor]
) -> Tensor:
    """Return each run's readout at a depth over the reduced vocabulary, [runs, 1]."""
    numbers, unembedding = vocabulary
    streams = target.run(runs, upto=layer_at(target, depth))
    values = []
    with torch.no_grad():
        hidden = target.anatomy.final_norm(translate(streams.values, translator))
        log_probs = torch.log_softmax(hidden @ unembedding.T, dim=-1)
        for row, run in enumerate(runs):
            paths = [log_probs[torch.as_tensor(streams.index(row, path))] for path in range(len(run.paths))]
            there = renumbered(run, numbers)
            values.append(there.readout.value(there.tokens, paths))
    return torch.tensor(values).unsqueeze(-1)


@PRIMITIVES.register("reduced_lens")
@dataclass(frozen=True)
class ReducedLens(Primitive):
    """A tuned lens over a small vocabulary."""

    kind: ClassVar[str] = "reduced_lens"
    functions: ClassVar[tuple[Callable[..., object], ...]] = (
        layer_at,
        early_and_late,
        ridge_regression,
        ridge_translator,
        translate,
        frequent_tokens,
        reduced_vocabulary,
        reduced_lens,
    )
    depth: float = choice(*DEPTHS[::-1])
    ridge: float = choice(0.001, 0.01, 0.1, 1.0)
    tokens: int = choice(256, 1024, 4096)

    @property
    def title(self) -> str:
        """See the base class."""
        return (
            f"tuned lens at {self.depth} of the depth, ridge {self.ridge}, over the question's tokens and the "
            f"{self.tokens} likeliest"
        )

    @property
    def short(self) -> str:
        """See the base class."""
        return f"reduced{self.depth * 100:.0f}"

    def interpret_call(self, slot: int) -> dict[str, str]:
        """See the base class."""
        return {
            f"translator_{slot}": f"ridge_translator(target, corpus, depth={self.depth}, ridge={self.ridge}, rank=0)",
            f"frequent_{slot}": f"frequent_tokens(target, corpus, count={self.tokens})",
        }

    def prepare_call(self, slot: int) -> str:
        """See the base class."""
        return f'reduced_vocabulary(question, target, frequent=interpretation.tensors["frequent_{slot}"])'

    def predict_call(self, slot: int) -> str:
        """See the base class."""
        translator = f'interpretation.tensors["translator_{slot}"]'
        return f'reduced_lens(target, runs, {self.depth}, {translator}, vocabulary=prepared["{slot}"])'
