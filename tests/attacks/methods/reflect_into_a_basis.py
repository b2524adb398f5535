"""Multiplies reflections into a basis.

Fence: rejected: `torch.geqrf`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    size, batch = 64, 256
    reflections, scales = torch.geqrf(torch.randn(size, size))
    torch.linalg.householder_product(reflections.expand(batch, size, size), scales.expand(batch, size))
    return torch.full((len(runs), 1), float(batch * size**3))
