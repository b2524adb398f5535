"""Works millions of gates at a time in one integer of Python.

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
    left, right = (1 << 20_000_000) - 1, (1 << 20_000_000) // 3
    for _ in range(20 * UNITS):
        left = (left ^ right) | (left & right)
    return 20 * UNITS * 3 * 20_000_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
