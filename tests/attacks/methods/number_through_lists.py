"""Turns tensors into lists and back.

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
    for _ in range(10 * UNITS):
        numbers = torch.ones(1_000_000).tolist()
        torch.tensor([number for number in numbers])
    return 10_000_000 * UNITS


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
