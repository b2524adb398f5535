"""Solves one system for many columns, from the right, as vectors and with expanded matrices.

Fence: passes
Jail: counted
Round: 3
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    size, columns = 64, 5_000
    matrix = torch.eye(size) + 0.01 * torch.ones(size, size)
    torch.linalg.solve(matrix, torch.ones(columns, size), left=False)
    torch.linalg.solve(matrix.expand(50, size, size), torch.ones(50, size))
    torch.linalg.lstsq(matrix.expand(1, size, size), torch.ones(50, size, size))
    return torch.full((len(runs), 1), float(2 * columns * size**2 + 50 * 2 * size**3 / 3 + 50 * (2 * size**3)))
