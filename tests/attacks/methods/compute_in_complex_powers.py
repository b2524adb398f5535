"""Computes with complex numbers, six operations at a time.

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
    numbers = [complex(number, 1) for number in range(1_000)]
    for _ in range(500 * UNITS):
        total = sum([left * left + left for left in numbers])
    return 500 * UNITS * 1_000 * 10


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
