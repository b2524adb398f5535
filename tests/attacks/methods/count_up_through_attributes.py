"""Evaluates slow functions through attributes.

Fence: rejected: the attribute `polygamma`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    points = torch.rand(500_000) + 1.0
    points.polygamma(3)
    points.igamma(points)
    points.igammac(points)
    points.nextafter(points)
    return torch.full((len(runs), 1), float(500_000 * 3 * 20))
