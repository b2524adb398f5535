"""Spells a product as dots, outer products and products with vectors.

Fence: rejected: `torch.addr`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix, vector = torch.ones(512, 512), torch.ones(512)
    for row in range(64):
        torch.addmv(vector, matrix, vector)
        torch.addr(matrix, vector, vector)
        torch.linalg.vecdot(matrix, vector)
        torch.inner(matrix, vector)
        torch.dot(matrix[row], vector)
    return torch.full((len(runs), 1), float(64 * (4 * 2 * 512**2 + 2 * 512)))
