"""Adds up in scatters, bins and segments.

Fence: rejected: the attribute `put`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    index, values = torch.randint(0, 64, (2_000_000,)), torch.rand(2_000_000)
    torch.zeros(64).index_add(0, index, values)
    torch.zeros(64).scatter_add(0, index, values)
    torch.zeros(64).scatter_reduce(0, index, values, "prod")
    torch.bincount(index, values)
    torch.zeros(64).index_put((index,), values, accumulate=True)
    torch.zeros(64).put(index, values, accumulate=True)
    return torch.full((len(runs), 1), float(6 * 2_000_000))
