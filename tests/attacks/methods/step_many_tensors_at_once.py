"""Adds vectors in steps over lists of tensors and in fused steps.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    weights = [torch.nn.Parameter(torch.zeros(500_000)) for _ in range(2)]
    for options in ({"foreach": True}, {"fused": True}):
        optimiser = torch.optim.Adam(weights, lr=0.5, **options)
        sum((weight * 2).sum() for weight in weights).backward()
        optimiser.step()
    return torch.full((len(runs), 1), float(2 * 1_000_000 * 10))
