"""Fills memory with numbers, again and again.

Fence: passes
Jail: counted
Round: 3
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    numbers = torch.empty(1_000_000)
    for _ in range(100):
        numbers.fill_(2.0)
        numbers[::2].zero_()
    return torch.full((len(runs), 1), float(100 * 1_500_000))
