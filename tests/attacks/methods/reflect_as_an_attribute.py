"""Applies reflections through attributes.

Fence: rejected: the attribute `geqrf`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    size, columns = 64, 20_000
    reflections, scales = torch.randn(size, size).geqrf()
    reflections.ormqr(scales, torch.ones(size, columns))
    reflections.orgqr(scales)
    return torch.full((len(runs), 1), float(2 * size**2 * columns))
