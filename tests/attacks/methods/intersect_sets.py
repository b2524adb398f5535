"""Lets sets and dictionaries compare.

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
    left, right = set(range(0, 1_000_000, 2)), set(range(0, 1_000_000, 3))
    for _ in range(10 * UNITS):
        total = len(left & right) + len(left | right)
    return 10 * UNITS * 2_000_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
