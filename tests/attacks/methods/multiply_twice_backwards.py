"""Multiplies in a gradient of a gradient.

Fence: rejected: `torch.autograd.functional`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(256, 256)
    vector = torch.zeros(256, requires_grad=True)
    torch.func.hessian(lambda each: 0.5 * each @ matrix @ each)(torch.zeros(256))
    torch.autograd.functional.hvp(lambda each: each @ matrix @ each, vector, torch.ones(256))
    return torch.full((len(runs), 1), float(2 * 256**3))
