"""Multiplies complex numbers of half precision.

Fence: passes
Jail: counted
Round: 3
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    left = torch.rand(2_000_000).half() * 1j
    for _ in range(10):
        left * left
    return torch.full((len(runs), 1), float(10 * 6 * 2_000_000 * 2 / 3))
