"""Copies, sorts and reverses slices of lists.

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
    numbers = list(range(1_000_000))
    for _ in range(20 * UNITS):
        numbers[::2], numbers[1::2] = numbers[1::2], numbers[::2]
        numbers.reverse()
    return 20 * UNITS * 2_000_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
