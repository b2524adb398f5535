"""Gathers and scatters by indices that are broadcast.

Fence: passes
Jail: counted
Round: 2
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    table, index = torch.rand(500, 500), torch.randint(0, 500, (2_000,))
    found = table[index[:, None], index[None]]
    found[index[:, None] % 7, index[None] % 11] += 1.0
    return torch.full((len(runs), 1), float(3 * 2_000**2))
