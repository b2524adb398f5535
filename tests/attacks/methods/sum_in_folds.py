"""Adds up where columns are folded into images.

Fence: rejected: `torch.nn.functional.fold`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.nn.functional.fold(torch.rand(1, 16 * 16 * 4, 49 * 49), 64, 16)
    return torch.full((len(runs), 1), float(16 * 16 * 4 * 49**2))
