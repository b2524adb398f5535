"""Squares long integers as variances of two of them.

Fence: passes
Jail: error: the limit is
Round: 3
"""

import statistics

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    number = 3 * 2**100
    for _ in range(14):
        number = statistics.pvariance([number, -number])
    for _ in range(4 * UNITS):
        square = statistics.pvariance([number, -number])
    return 4 * UNITS * 2 * (1_600_000 // 30) ** 2


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
