"""Computes with torch's Python key excluded.

Fence: rejected: `torch._C`
Jail: seen: 0.3
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    matrix = torch.ones(700, 700)
    with torch._C._DisableTorchDispatch():
        for _ in range(120 * UNITS):
            matrix @ matrix


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
