"""Solves one system for a batch of right-hand sides.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    size, batch = 64, 256
    torch.linalg.solve(torch.eye(size) + 0.01 * torch.ones(size, size), torch.ones(batch, size, size))
    return torch.full((len(runs), 1), float(2 * batch * size**3))
