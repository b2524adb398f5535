"""Lets lists compare, sum and count.

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
    numbers = [number % 97 for number in range(2_000_000)]
    for _ in range(20 * UNITS):
        total = numbers.count(96) + sum(numbers) + max(numbers)
    return 20 * UNITS * 3 * 2_000_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
