"""Adds up in iterators that are written in C.

Fence: rejected: the attribute `__mul__`
Jail: seen: 0.3
Round: 1
"""

import collections
import itertools

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    for _ in range(10 * UNITS):
        numbers = range(1_000_000)
        total = collections.deque(itertools.accumulate(numbers), maxlen=1)
        total = sum(map(int.__mul__, numbers, numbers))
    return 10 * UNITS * 3_000_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
