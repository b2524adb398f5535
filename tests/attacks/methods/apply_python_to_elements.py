"""Lets Python compute each element of a tensor.

Fence: rejected: the attribute `apply_`
Jail: seen: 0.3
Round: 1
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    torch.ones(1_000_000 * UNITS).apply_(lambda number: number * 2.0 + 1.0)
    return 2_000_000 * UNITS


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
