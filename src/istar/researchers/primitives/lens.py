"""Reading a residual stream below the last layer through the unembedding: logit lens and ridge tuned lens.

Sources: nostalgebraist, "interpreting GPT: the logit lens" (2020); Belrose et al., "Eliciting Latent Predictions from
Transformers with the Tuned Lens" (2023), here with its translator fitted in closed form by ridge regression.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from istar.questions import Run
from istar.researchers.primitives.primitive import PRIMITIVES, Primitive, choice

if TYPE_CHECKING:
    from istar.targets import Corpus, Target

DEPTHS = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)


def layer_at(target: Target, depth: float) -> int:
    """Return the number of blocks up to a depth between 0 and 1, at least 1."""
    return max(1, round(depth * target.layers))


def early_and_late(target: Target, corpus: Corpus, depth: float) -> tuple[Tensor, Tensor]:
    """Return the residual streams of generic text at a depth and after the last block, [positions, width] each.

    The first position of each sequence is left out: it is an attention sink and like no other.
    """
    found = []

    def keep(*call: Any) -> None:
        """Keep a block's output, the last of what its hook is given."""
        found.append(call[-1][0] if isinstance(call[-1], tuple) else call[-1])

    early, late = [], []
    with torch.no_grad(), target.anatomy.blocks[layer_at(target, depth) - 1].register_forward_hook(keep):
        for first in range(0, len(corpus.tokens), 16):
            batch = torch.tensor(corpus.tokens[first : first + 16], device=target.device)
            late.append(target.forward(batch)[:, 1:].flatten(0, 1))
            early.append(found.pop()[:, 1:].flatten(0, 1))
    return torch.cat(early).double(), torch.cat(late).double()


def ridge_regression(inputs: Tensor, outputs: Tensor, ridge: float) -> Tensor:
    """Return the matrix of the ridge regression of outputs on inputs, its last row the offset.

    Args:
        inputs: [samples, features].
        outputs: [samples, targets].
        ridge: strength of the penalty, in units of the mean variance of a feature.
    """
    centre, mean = inputs.mean(0), outputs.mean(0)
    centred = inputs - centre
    covariance = centred.T @ centred / len(centred)
    penalty = ridge * covariance.diagonal().mean() * torch.eye(len(covariance), dtype=covariance.dtype)
    slope = torch.linalg.solve(covariance + penalty.to(covariance.device), centred.T @ (outputs - mean) / len(centred))
    return torch.cat([slope, (mean - centre @ slope)[None]])


def ridge_translator(target: Target, corpus: Corpus, depth: float, ridge: float, rank: int) -> Tensor:
    """Fit the affine map from the residual stream at a depth to the change it still undergoes.

    Args:
        target: the model.
        corpus: generic text.
        depth: where the stream is read, as a share of the layers.
        ridge: strength of the regularisation.
        rank: rank of the map, 0 for full.

    Returns:
        The map's matrix, of shape width + 1 x width; its last row is the offset.
    """
    early, late = early_and_late(target, corpus, depth)
    fitted = ridge_regression(early, late - early, ridge)
    if rank:
        left, size, right = torch.linalg.svd(fitted[:-1], full_matrices=False)
        slope = left[:, :rank] * size[:rank] @ right[:rank]
        offset = (late - early).mean(0) - early.mean(0) @ slope
        fitted = torch.cat([slope, offset[None]])
    return fitted.to(target.dtype)


def translate(hidden: Tensor, translator: Tensor) -> Tensor:
    """Add to a residual stream the change that the translator predicts."""
    return hidden + hidden @ translator[:-1] + translator[-1]


def logit_lens(target: Target, runs: Sequence[Run], depth: float) -> Tensor:
    """Return each run's readout as the residual stream at a depth already says it, [runs, 1]."""
    return target.read(runs, target.run(runs, upto=layer_at(target, depth))).unsqueeze(-1)


def tuned_lens(target: Target, runs: Sequence[Run], depth: float, translator: Tensor) -> Tensor:
    """Return each run's readout as the residual stream at a depth says it after translation, [runs, 1]."""
    streams = target.run(runs, upto=layer_at(target, depth))
    return target.read(runs, streams, lens=lambda hidden: translate(hidden, translator)).unsqueeze(-1)


@PRIMITIVES.register("logit_lens")
@dataclass(frozen=True)
class LogitLens(Primitive):
    """The readout at a depth, the final norm and the unembedding applied as they are."""

    kind: ClassVar[str] = "logit_lens"
    functions: ClassVar[tuple[Callable[..., object], ...]] = (layer_at, logit_lens)
    depth: float = choice(*DEPTHS[::-1])

    @property
    def title(self) -> str:
        """See the base class."""
        return f"logit lens at {self.depth} of the depth"

    @property
    def short(self) -> str:
        """See the base class."""
        return f"lens{self.depth * 100:.0f}"

    def predict_call(self, slot: int) -> str:
        """See the base class."""
        return f"logit_lens(target, runs, depth={self.depth})"


@PRIMITIVES.register("tuned_lens")
@dataclass(frozen=True)
class TunedLens(Primitive):
    """The readout at a depth, after a ridge map that predicts what the layers above would still add."""

    kind: ClassVar[str] = "tuned_lens"
    functions: ClassVar[tuple[Callable[..., object], ...]] = (
        layer_at,
        early_and_late,
        ridge_regression,
        ridge_translator,
        translate,
        tuned_lens,
    )
    depth: float = choice(*DEPTHS[::-1])
    ridge: float = choice(0.001, 0.01, 0.1, 1.0)
    rank: int = choice(0, 64, 16)

    @property
    def title(self) -> str:
        """See the base class."""
        rank = f"rank {self.rank}" if self.rank else "full rank"
        return f"tuned lens at {self.depth} of the depth, ridge {self.ridge}, {rank}"

    @property
    def short(self) -> str:
        """See the base class."""
        return f"tuned{self.depth * 100:.0f}" + (f"r{self.rank}" if self.rank else "")

    def interpret_call(self, slot: int) -> dict[str, str]:
        """See the base class."""
        call = f"ridge_translator(target, corpus, depth={self.depth}, ridge={self.ridge}, rank={self.rank})"
        return {f"translator_{slot}": call}

    def predict_call(self, slot: int) -> str:
        """See the base class."""
        translator = f'interpretation.tensors["translator_{slot}"]'
        return f"tuned_lens(target, runs, depth={self.depth}, translator={translator})"
