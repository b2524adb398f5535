"""Piles up the values of a sparse tensor by adding it to itself, and adds them all at once.

Fence: rejected: the attribute `to_sparse`
Jail: error: no price for the operation
Round: 2
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    sparse = torch.rand(1, 1_000).to_sparse(1)
    for _ in range(12):
        sparse = sparse + sparse
    sparse = (sparse * 2.0).coalesce()
    return torch.full((len(runs), 1), float(1_000 * (2**12 - 1 + 2 * 2**12)))
