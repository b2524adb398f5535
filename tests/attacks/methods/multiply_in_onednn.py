"""Multiplies in the layout of a library of kernels.

Fence: rejected: the attribute `to_mkldnn`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(256, 256).to_mkldnn()
    torch.mm(matrix, matrix)
    return torch.full((len(runs), 1), float(2 * 256**3))
