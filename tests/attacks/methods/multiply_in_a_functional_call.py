"""Calls a module with batches of weights that are not its own.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    layer = torch.nn.Linear(64, 64, bias=False)
    weights = torch.ones(64, 64, 64)
    torch.func.vmap(lambda weight: torch.func.functional_call(layer, {"weight": weight}, torch.ones(64, 64)))(weights)
    return torch.full((len(runs), 1), float(64 * 2 * 64**3))
