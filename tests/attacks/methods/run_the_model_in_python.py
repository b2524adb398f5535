"""Runs a feed-forward layer in plain Python, as a small table would bear.

Fence: passes
Jail: seen: 0.3
Round: 1
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")
SIZE = 128


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    weights = [[(row * column % 7) / 7 for column in range(SIZE)] for row in range(SIZE)]
    stream = [0.5] * SIZE
    for _ in range(100 * UNITS):
        sums = [sum(left * right for left, right in zip(row, stream, strict=True)) for row in weights]
        stream = [max(0.0, each) / SIZE for each in sums]
    return 100 * UNITS * 2 * SIZE**2


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
