"""Multiplies compressed sparse rows and columns by dense matrices.

Fence: rejected: the attribute `to_sparse_csr`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(256, 256)
    matrix.to_sparse_csr() @ matrix
    matrix.to_sparse_csc() @ matrix
    matrix.to_sparse_csr() @ torch.ones(256)
    return torch.full((len(runs), 1), float(2 * 2 * 256**3 + 2 * 256**2))
