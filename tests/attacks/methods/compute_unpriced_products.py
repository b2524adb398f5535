"""Multiplies with an operation that has no price of its own.

Fence: rejected: `torch.nn.functional.bilinear`
Jail: error: no price for the operation
"""

import torch
from torch.nn import functional

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    x = torch.ones(len(runs), 64)
    return functional.bilinear(x, x, torch.ones(1, 64, 64))
