"""Calls operations that cost nothing, again and again.

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
    nothing = torch.empty(0)
    for _ in range(200_000 * UNITS):
        nothing.view(0)
    return 200_000 * UNITS


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
