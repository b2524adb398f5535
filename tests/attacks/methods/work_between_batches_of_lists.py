"""Converts numbers between torch and lists, and works on them in between.

Fence: passes
Jail: seen: 0.3
Round: 4
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    for _ in range(5 * UNITS):
        numbers = torch.rand(200_000).tolist()
        back = torch.tensor([number * number + 1.0 for number in numbers])
    return 5 * UNITS * 400_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
