"""Multiplies sparse matrices by sparse ones.

Fence: rejected: the attribute `to_sparse`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(128, 128).to_sparse()
    torch.sparse.mm(matrix, matrix)
    return torch.full((len(runs), 1), float(2 * 128**3))
