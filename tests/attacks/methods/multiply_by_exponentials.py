"""Reads a product off the exponential of a nilpotent matrix.

Fence: rejected: `torch.linalg.matrix_exp`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    size = 96
    zero, matrix = torch.zeros(size, size), torch.ones(size, size) / size
    rows = [torch.cat([zero, matrix, zero], 1), torch.cat([zero, zero, matrix], 1), torch.cat([zero] * 3, 1)]
    torch.linalg.matrix_exp(torch.cat(rows))
    return torch.full((len(runs), 1), float(2 * size**3))
