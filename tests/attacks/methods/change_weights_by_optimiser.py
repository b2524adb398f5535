"""Trains the target itself.

Fence: passes
Jail: error: left the target changed
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    weight = target.anatomy.unembedding.weight.requires_grad_(True)
    optimiser = torch.optim.SGD([weight], lr=1.0)
    weight.sum().backward()
    optimiser.step()
    return torch.full((len(runs), 1), float(1))
