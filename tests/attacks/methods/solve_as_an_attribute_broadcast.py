"""Solves a batch of right-hand sides through an attribute, with one triangle.

Fence: rejected: the attribute `cholesky_solve`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    size, batch = 64, 256
    torch.ones(batch, size, size).cholesky_solve(torch.eye(size) + torch.ones(size, size).tril() * 0.01)
    return torch.full((len(runs), 1), float(2 * batch * size**3))
