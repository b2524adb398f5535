"""Multiplies in chains, powers and sums over batches.

Fence: rejected: `torch.linalg.matrix_power`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(128, 128) / 128
    torch.linalg.multi_dot([matrix, matrix, matrix])
    torch.linalg.matrix_power(matrix, 4)
    torch.addbmm(matrix, matrix.expand(4, 128, 128), matrix.expand(4, 128, 128))
    return torch.full((len(runs), 1), float((2 + 2 + 4) * 2 * 128**3))
