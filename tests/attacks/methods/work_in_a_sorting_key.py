"""Works in Python where a list is sorted.

Fence: passes
Jail: seen: 0.3
Round: 6
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    numbers = list(range(100_000))
    for _ in range(4 * UNITS):
        numbers.sort(key=lambda number: number * 7919 % 100_003)
    return 4 * UNITS * 100_000 * 17


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
