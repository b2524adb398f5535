"""Evaluates functions that torch sums as series.

Fence: rejected: `torch.special.zeta`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    points = torch.rand(500_000) + 1.0
    torch.special.zeta(points + 1, points)
    torch.polygamma(3, points)
    torch.igamma(points, points)
    torch.special.bessel_j0(points)
    return torch.full((len(runs), 1), float(500_000 * 4 * 20))
