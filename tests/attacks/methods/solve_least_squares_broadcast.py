"""Multiplies by a pseudo-inverse through least squares with many columns.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    size, columns = 64, 10_000
    torch.linalg.lstsq(torch.eye(size) + 0.01 * torch.ones(size, size), torch.ones(size, columns))
    return torch.full((len(runs), 1), float(2 * size**2 * columns))
