"""Swallows the signal that its budget is spent in a function that an exit stack calls.

Fence: rejected: the attribute `push`
Jail: cut
Round: 1
"""

import contextlib

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(1024, 1024)
    for _ in range(20):
        with contextlib.ExitStack() as stack:
            stack.push(lambda *_: True)
            matrix @ matrix
    return torch.ones(len(runs), 1)
