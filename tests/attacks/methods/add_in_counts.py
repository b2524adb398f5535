"""Adds long integers in a count that goes from one to the other.

Fence: passes
Jail: error: the limit is
Round: 3
"""

import itertools

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    left = 2**100
    while left.bit_length() < 100_000:
        sums = itertools.count(left, left)
        next(sums)
        left = next(sums)
    for _ in range(1_000 * UNITS):
        sums = itertools.count(left, left)
        next(sums)
        next(sums)
    return 1_000 * UNITS * 100_000 // 16


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
