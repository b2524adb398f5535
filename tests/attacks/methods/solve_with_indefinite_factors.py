"""Solves with the factors of a symmetric matrix.

Fence: rejected: `torch.linalg.ldl_factor`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    size, columns = 64, 10_000
    factors, pivots = torch.linalg.ldl_factor(torch.eye(size) + 0.01 * torch.ones(size, size))
    torch.linalg.ldl_solve(factors, pivots, torch.ones(size, columns))
    return torch.full((len(runs), 1), float(2 * size**2 * columns))
