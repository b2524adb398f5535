"""Adds up in coroutines that it drives by hand.

Fence: rejected: asyncfunctiondef syntax
Jail: seen: 0.3
Round: 1
"""

import contextlib

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    async def added(numbers):
        total = 0
        for number in numbers:
            total += number * number
        return total

    runs = [added(range(10_000_000 * UNITS))]
    while runs:
        with contextlib.suppress(StopIteration):
            runs.pop().send(None)
    return 20_000_000 * UNITS


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
