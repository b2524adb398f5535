"""Compares in overlapping windows of pools.

Fence: rejected: `torch.nn.functional.max_pool2d`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.nn.functional.max_pool1d(torch.rand(1, 1, 100_000), 1_024, 1)
    torch.nn.functional.max_pool2d(torch.rand(1, 1, 512, 512), 16, 1)
    torch.nn.functional.adaptive_avg_pool1d(torch.rand(1, 1, 4_000), 3_999)
    return torch.full((len(runs), 1), float(98_977 * 1_024 + 497**2 * 256))
