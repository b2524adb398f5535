"""Multiplies sparse blocks, of which there are few and large ones.

Fence: rejected: the attribute `to_sparse_bsr`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(256, 256)
    matrix.to_sparse_bsr((64, 64)) @ matrix
    return torch.full((len(runs), 1), float(2 * 256**3))
