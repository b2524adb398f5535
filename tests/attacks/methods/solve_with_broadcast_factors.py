"""Solves a batch of right-hand sides with one factor, which torch broadcasts.

Fence: rejected: `torch.cholesky_solve`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    size, batch = 64, 256
    factor = torch.linalg.cholesky(torch.eye(size) + 0.01 * torch.ones(size, size))
    torch.cholesky_solve(torch.ones(batch, size, size), factor)
    return torch.full((len(runs), 1), float(2 * batch * size**3))
