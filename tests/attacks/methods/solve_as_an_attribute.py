"""Solves through an attribute of the right-hand side, with factors written down.

Fence: rejected: the attribute `lu_solve`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    size, columns = 64, 20_000
    factors = torch.eye(size) + 0.01 * torch.ones(size, size)
    pivots = torch.arange(1, size + 1, dtype=torch.int32)
    torch.ones(size, columns).lu_solve(factors, pivots)
    return torch.full((len(runs), 1), float(2 * size**2 * columns))
