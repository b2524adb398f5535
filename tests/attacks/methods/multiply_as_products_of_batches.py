"""Multiplies in convolutions over a batch that is one row expanded.

Fence: rejected: `torch.nn.functional.conv2d`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.nn.functional.conv2d(torch.ones(1, 16, 16, 16).expand(64, 16, 16, 16), torch.ones(16, 16, 5, 5))
    return torch.full((len(runs), 1), float(64 * 16 * 12 * 12 * 2 * 16 * 25))
