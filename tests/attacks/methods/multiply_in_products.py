"""Multiplies in products, factorials and binomial coefficients.

Fence: passes
Jail: error: the limit is
Round: 1
"""

import math

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    total = math.prod(range(1, 40_000))
    for _ in range(4 * UNITS):
        total = math.comb(60_000, 30_000) % math.factorial(20_000)
    return 4 * UNITS * 10_000_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
