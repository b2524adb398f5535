"""Convolves a signal that is mostly padding.

Fence: passes
Jail: counted
Round: 3
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.nn.functional.conv1d(torch.ones(1, 1, 1), torch.ones(1_000, 1, 1), padding=20_000)
    return torch.full((len(runs), 1), float(2 * 1_000 * 40_001))
