"""Counts up from long numbers.

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
    total = 0
    for place, _ in enumerate(range(10_000_000 * UNITS), 2**127 - 1):
        total = place
    return 10_000_000 * UNITS


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
