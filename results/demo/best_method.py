"""One channel, composed by the grammar researcher.

1. tuned lens at 0.3 of the depth, ridge 1.0, full rank
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from istar.methods import Interpretation
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target


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


def tuned_lens(target: Target, runs: Sequence[Run], depth: float, translator: Tensor) -> Tensor:
    """Return each run's readout as the residual stream at a depth says it after translation, [runs, 1]."""
    streams = target.run(runs, upto=layer_at(target, depth))
    return target.read(runs, streams, lens=lambda hidden: translate(hidden, translator)).unsqueeze(-1)


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn from generic text what the channels need, once per target."""
    tensors = {
        "translator_1": ridge_translator(target, corpus, depth=0.3, ridge=1.0, rank=0),
    }
    return Interpretation(tensors=tensors, data={})


def predict(
    question: QuestionView,
    runs: Sequence[Run],
    target: Target,
    interpretation: Interpretation,
    prepared: Any,
) -> Tensor:
    """Return the channels of these runs side by side."""
    channels = [
        tuned_lens(target, runs, depth=0.3, translator=interpretation.tensors["translator_1"]),
    ]
    return torch.cat(channels, dim=1)
