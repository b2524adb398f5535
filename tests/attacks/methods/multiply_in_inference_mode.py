"""Multiplies where gradients are off, in views and in place.

Fence: passes
Jail: counted
Round: 6
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(128, 128)
    with torch.inference_mode():
        torch.einsum("ij,jk->ik", matrix, matrix)
        torch.nn.functional.linear(matrix.T, matrix)
        torch.nn.functional.linear(matrix, matrix, matrix[0])
        matrix.view(1, 128, 128) @ matrix
    return torch.full((len(runs), 1), float(4 * 2 * 128**3))
