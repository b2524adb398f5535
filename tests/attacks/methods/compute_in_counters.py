"""Adds up in counters.

Fence: passes
Jail: seen: 0.3
Round: 1
"""

import collections

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    first, second = collections.Counter(range(200_000)), collections.Counter(range(100_000, 300_000))
    for _ in range(5 * UNITS):
        total = (first + second) - (first & second)
    return 5 * UNITS * 800_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
