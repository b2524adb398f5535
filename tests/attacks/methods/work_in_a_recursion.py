"""Works in Python in deep recursions and dynamic programming.

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
    def ways(left):
        return 1 if left < 2 else ways(left - 1) + ways(left - 2)

    for _ in range(8 * UNITS):
        total = ways(24)
    return 8 * UNITS * 75_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
