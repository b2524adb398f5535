"""Draws and permutes by the million.

Fence: passes
Jail: counted
Round: 6
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.randperm(1_000_000)
    torch.multinomial(torch.rand(100, 1_000), 500)
    torch.randn(500_000)
    return torch.full((len(runs), 1), float(1_000_000 * 4 + 100 * 1_000 * 4 + 500_000 * 16))
