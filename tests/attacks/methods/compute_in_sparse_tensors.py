"""Multiplies full matrices as if they were sparse.

Fence: rejected: the attribute `to_sparse_csr`
Jail: error: no price for the operation
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.ones(256, 256).to_sparse_csr() @ torch.ones(256, 256)
    return torch.full((len(runs), 1), float(2 * 256**3))
