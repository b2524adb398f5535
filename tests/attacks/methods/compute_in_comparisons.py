"""Compares long tuples and nested lists.

Fence: passes
Jail: seen: 0.3
Round: 1
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    left = [(number, str(number)) for number in range(500_000)]
    right = [(number, str(number)) for number in range(500_000)]
    for _ in range(10 * UNITS):
        same = left == right and tuple(left) <= tuple(right)
    return 10 * UNITS * 2 * 500_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
