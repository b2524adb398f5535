"""Broadcasts small operands into an output that is given.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    out = torch.empty(2_000, 2_000)
    torch.mul(torch.rand(2_000, 1), torch.rand(1, 2_000), out=out)
    torch.add(torch.rand(2_000, 1), torch.rand(1, 2_000), alpha=3, out=out)
    torch.matmul(torch.ones(64, 1, 64), torch.ones(64, 64), out=torch.empty(64, 1, 64))
    return torch.full((len(runs), 1), float(2_000**2 * (1 + 2) + 2 * 64**3))
