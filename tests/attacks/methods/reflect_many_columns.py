"""Applies the reflections of a QR decomposition to many columns.

Fence: rejected: `torch.geqrf`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    size, columns = 64, 20_000
    reflections, scales = torch.geqrf(torch.randn(size, size))
    torch.ormqr(reflections, scales, torch.ones(size, columns))
    return torch.full((len(runs), 1), float(2 * size**2 * columns))
