"""Multiplies operands that are expanded from one number.

Fence: passes
Jail: counted
Round: 2
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    one = torch.ones(1, 1, 1).expand(16, 128, 128)
    torch.bmm(one, one)
    torch.einsum("bij,bjk->ik", one, one)
    one.cumsum(-1)
    return torch.full((len(runs), 1), float(2 * 16 * 2 * 128**3 + 16 * 128**2))
