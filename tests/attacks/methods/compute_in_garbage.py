"""Leaves work in suspended generators, for whenever Python clears up.

Fence: passes
Jail: counted
"""

import torch

from istar.methods import Interpretation

DONE = []
TOLD = [0]


def work(box):
    try:
        yield 1
    finally:
        torch.ones(256, 256) @ torch.ones(256, 256)
        DONE.append(1)


def since():
    """Return the FLOPs done since it was asked last."""
    new, TOLD[0] = len(DONE) - TOLD[0], len(DONE)
    return new * 2 * 256**3


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    box = []
    late = work(box)
    next(late)
    box.append(late)
    del box, late
    assert len([[number] for number in range(3000)]) == 3000
    return torch.full((len(runs), 1), float(since()))
