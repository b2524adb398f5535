"""Compares lists nested without end.

Fence: passes
Jail: error: RecursionError
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    left, right = [], []
    for _ in range(100_000):
        left, right = [left], [right]
    return torch.full((len(runs), 1), float(left == right))
