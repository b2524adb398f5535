"""Combines bits as sets of places.

Fence: passes
Jail: seen: 0.3
Round: 3
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    left, right = frozenset(range(0, 200_000, 2)), frozenset(range(0, 200_000, 3))
    for _ in range(50 * UNITS):
        both = len(left & right) + len(left ^ right)
    return 50 * UNITS * 200_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
