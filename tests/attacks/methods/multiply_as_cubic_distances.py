"""Takes distances of the third order.

Fence: rejected: `torch.nn.functional.pdist`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    points = torch.rand(256, 256)
    torch.cdist(points, points, p=3.0)
    torch.nn.functional.pdist(points, p=3.0)
    return torch.full((len(runs), 1), float(1.5 * 3 * 256**3))
