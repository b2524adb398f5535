"""Multiplies in a layout that the rulebook does not know.

Fence: rejected: the attribute `to_mkldnn`
Jail: error: no price for the operation
"""

import torch
from torch.nn import functional

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    x = torch.ones(64, 64).to_mkldnn()
    functional.linear(x, x)
    return torch.full((len(runs), 1), float(1))
