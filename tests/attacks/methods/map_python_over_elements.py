"""Lets Python compute each pair of elements of two tensors.

Fence: rejected: the attribute `map_`
Jail: seen: 0.3
Round: 1
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    left = torch.ones(1_000_000 * UNITS)
    left.map_(left, lambda number, other: number * other + 1.0)
    return 2_000_000 * UNITS


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
