"""What parts of a model are worth as causes: one weight each, learned from changes that a method made itself.

A first-order estimate is a sum over parts of the model: heads, blocks, matrices. What a part's term is worth belongs
to the model, and carries over from text to text. With few changes and many parts, weights are pulled to one that all
share.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

PENALTIES = (0.01, 0.1, 1.0, 10.0)
"""In units of the mean square of a part's term, times the number of changes."""
FOLDS = 4


def learned_weights(
    said: Float[Tensor, "texts changes parts"], happened: Float[Tensor, "texts changes"]
) -> Float[Tensor, " parts"]:
    """Return the weight w of each part that makes said @ w foretell what happened, in other texts too.

    Ridge regression about the best common weight c, min_w |happened - said w|^2 + penalty * |w - c|^2; of several
    penalties the one that foretells texts best that are left out whole.

    Args:
        said: each part's term for each change of each text; there are `FOLDS` texts at least.
        happened: what the change really did, in the same unit.
    """
    fold = torch.arange(len(said)) % FOLDS
    errors = []
    for penalty in PENALTIES:
        weights = [_ridge(said[fold != out], happened[fold != out], penalty) for out in range(FOLDS)]
        missed = [said[fold == out] @ each - happened[fold == out] for out, each in enumerate(weights)]
        errors.append(float(torch.cat(missed).square().sum()))
    return _ridge(said, happened, PENALTIES[errors.index(min(errors))])


def _ridge(said: Tensor, happened: Tensor, penalty: float) -> Float[Tensor, " parts"]:
    terms, effects = said.flatten(0, 1).double(), happened.flatten().double()
    total = terms.sum(1)
    common = (total @ effects) / total.square().sum().clamp(min=torch.finfo(torch.float64).tiny)
    pull = penalty * terms.square().sum() / terms.shape[1] + torch.finfo(torch.float64).eps
    square = terms.T @ terms + pull * torch.eye(terms.shape[1], dtype=terms.dtype)
    return (common + torch.linalg.solve(square, terms.T @ (effects - total * common))).float()
