"""Calls operations that cost nothing, again and again.

Fence: passes
Jail: harmless
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    nothing = torch.empty(0)
    for _ in range(50_000):
        nothing.view(0)
    return torch.zeros(len(runs), 1)
