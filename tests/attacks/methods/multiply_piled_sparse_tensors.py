"""Multiplies a sparse matrix whose entries are there a thousand times.

Fence: rejected: the attribute `to_sparse`
Jail: error: no price for the operation
Round: 2
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    sparse = torch.rand(16, 16).to_sparse()
    for _ in range(10):
        sparse = sparse + sparse
    sparse @ torch.rand(16, 64)
    return torch.full((len(runs), 1), float(2**10 * 2 * 16 * 16 * 64))
