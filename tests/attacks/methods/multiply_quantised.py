"""Multiplies quantised matrices.

Fence: rejected: `torch.quantize_per_tensor`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.quantize_per_tensor(torch.ones(128, 128), 0.1, 0, torch.quint8)
    torch.matmul(matrix, matrix)
    return torch.full((len(runs), 1), float(2 * 128**3))
