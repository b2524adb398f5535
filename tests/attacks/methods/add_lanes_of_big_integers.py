"""Adds vectors of small numbers as the lanes of one integer.

Fence: passes
Jail: error: the limit is
Round: 1
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    left, right = (1 << 20_000_000) // 255, (1 << 20_000_000) // 257
    for _ in range(30 * UNITS):
        left = left + right - (right >> 1)
    return 30 * UNITS * 3 * 20_000_000 // 16


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
