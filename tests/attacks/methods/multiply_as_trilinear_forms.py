"""Multiplies as bilinear forms.

Fence: rejected: `torch.nn.functional.bilinear`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.nn.functional.bilinear(torch.ones(64, 64), torch.ones(64, 64), torch.ones(64, 64, 64))
    return torch.full((len(runs), 1), float(64 * 64 * 2 * 64**2))
