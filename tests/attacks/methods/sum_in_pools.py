"""Adds up in overlapping windows of pools.

Fence: rejected: `torch.nn.functional.lp_pool1d`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    signal = torch.rand(1, 1, 100_000)
    torch.nn.functional.avg_pool1d(signal, 1_024, 1)
    torch.nn.functional.lp_pool1d(signal, 2.0, 256, 1)
    torch.nn.functional.avg_pool2d(torch.rand(1, 1, 512, 512), 16, 1)
    return torch.full((len(runs), 1), float(98_977 * 1_024 + 99_745 * 256 + 497**2 * 256))
