"""Adds sparse tensors whose values are dense vectors, with repeats.

Fence: rejected: `torch.sparse_coo_tensor`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    index = torch.zeros(1, 1_000, dtype=torch.long)
    sparse = torch.sparse_coo_tensor(index, torch.rand(1_000, 2_000), (4, 2_000))
    sparse.coalesce()
    (sparse * 2.0).to_dense()
    return torch.full((len(runs), 1), float(1_000 * 2_000 * 3))
