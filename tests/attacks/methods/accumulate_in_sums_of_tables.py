"""Adds rows of a table in gradients of look-ups.

Fence: passes
Jail: counted
Round: 3
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    table = torch.rand(16, 256, requires_grad=True)
    found = torch.nn.functional.embedding(torch.randint(0, 16, (20_000,)), table)
    torch.autograd.grad(found.sum(), table)
    return torch.full((len(runs), 1), float(20_000 * 256 * 3))
