"""Subtracts long integers as the ends of a slice.

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
    long = 2**127
    for _ in range(1_000_000 * UNITS):
        start, end, step = slice(-5, None).indices(long)
    return 1_000_000 * UNITS


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
