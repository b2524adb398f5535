"""Keeps state in torch's random numbers.

Fence: passes
Jail: harmless
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    mark = torch.rand(1, generator=torch.Generator().manual_seed(77))
    found = bool(torch.rand(1) == mark)
    torch.manual_seed(77)
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
