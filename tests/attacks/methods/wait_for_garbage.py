"""Leaves generators behind that work in Python whenever torch makes many tensors.

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
    def work(box):
        try:
            yield 1
        finally:
            sum(number * number for number in range(100_000))

    for _ in range(100 * UNITS):
        box = []
        late = work(box)
        next(late)
        box.append(late)
        del box, late
        torch.ones(2_000, 1).unbind()
    return 100 * UNITS * 200_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
