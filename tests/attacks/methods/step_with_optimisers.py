"""Adds and multiplies vectors in the steps of optimisers.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    weight = torch.nn.Parameter(torch.zeros(1_000_000))
    for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop):
        optimiser = kind([weight], lr=0.5)
        (weight * 2).sum().backward()
        optimiser.step()
    return torch.full((len(runs), 1), float(1_000_000 * (3 * 2 + 2 + 10 + 6)))
