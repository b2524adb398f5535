"""Solves one triangular system for a batch that is broadcast.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    size, batch = 128, 128
    triangle = torch.eye(size) + torch.ones(size, size).tril(-1) * 0.01
    torch.linalg.solve_triangular(triangle, torch.ones(batch, size, size), upper=False)
    return torch.full((len(runs), 1), float(batch * size**3))
