"""Multiplies by a matrix whose inverse it holds as factors, with many columns.

Fence: rejected: `torch.linalg.lu_factor`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    size, columns = 64, 20_000
    factors, pivots = torch.linalg.lu_factor(torch.eye(size) + 0.01 * torch.ones(size, size))
    torch.linalg.lu_solve(factors, pivots, torch.ones(size, columns))
    return torch.full((len(runs), 1), float(2 * size**2 * columns))
