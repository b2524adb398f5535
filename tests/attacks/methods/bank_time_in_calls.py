"""Buys time with calls that take less than they explain, and spends it in Python.

Fence: passes
Jail: seen: 0.3
Round: 2
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    nothing = torch.zeros(1)
    for _ in range(20_000 * UNITS):
        nothing.detach()
    total = sum(number * number for number in range(20_000_000 * UNITS))
    return 20_000_000 * UNITS * 2


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
