"""Convolves by multiplying integers that digits are packed into.

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
    left = sum(3 << 64 * place for place in range(2_000))
    for _ in range(300 * UNITS):
        total = left * left
    return 300 * UNITS * 2 * 2_000**2


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
