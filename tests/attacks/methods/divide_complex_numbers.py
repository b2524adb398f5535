"""Divides complex numbers, which takes several real operations.

Fence: passes
Jail: counted
Round: 4
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    numbers = torch.fft.fft(torch.rand(1_000_000))
    for _ in range(10):
        numbers / numbers
    return torch.full((len(runs), 1), float(10 * 4 * 1_000_000))
