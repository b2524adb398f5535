"""Multiplies stacks that are broadcast on either side.

Fence: passes
Jail: counted
Round: 6
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.ones(8, 1, 32, 64) @ torch.ones(1, 8, 64, 32)
    torch.matmul(torch.ones(64, 64), torch.ones(32, 64, 64))
    torch.tensordot(torch.ones(16, 16, 64), torch.ones(64, 16, 16), 1)
    torch.inner(torch.ones(64, 64), torch.ones(32, 64))
    return torch.full((len(runs), 1), float(64 * 2 * 32**2 * 64 + 32 * 2 * 64**3 + 2 * 16**4 * 64 + 2 * 64**2 * 32))
