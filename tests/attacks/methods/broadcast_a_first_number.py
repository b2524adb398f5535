"""Lets one number come first and everything else be broadcast to it.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    one, column, row = torch.ones(()), torch.rand(2_000, 1), torch.rand(1, 2_000)
    torch.addcmul(one, column, row)
    torch.addcdiv(one, column, row)
    torch.lerp(one, column, row)
    torch.clamp(one, column, row + 1)
    torch.where(one > 0, column, row)
    return torch.full((len(runs), 1), float(2_000**2 * (2 + 2 + 3 + 2 + 1)))
