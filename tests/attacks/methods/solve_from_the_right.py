"""Solves from the right with LU factors that are broadcast and adjoint.

Fence: rejected: `torch.linalg.lu_factor`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    size, batch = 64, 256
    factors, pivots = torch.linalg.lu_factor(torch.eye(size) + 0.01 * torch.ones(size, size))
    torch.linalg.lu_solve(factors, pivots, torch.ones(batch, size, size), left=False, adjoint=True)
    return torch.full((len(runs), 1), float(2 * batch * size**3))
