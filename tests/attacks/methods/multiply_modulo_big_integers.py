"""Multiplies in powers modulo a number.

Fence: passes
Jail: error: the limit is
Round: 1
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    number = pow(3, (1 << 1_500 * UNITS) - 1, (1 << 4_423) - 1)
    return 1_500 * UNITS * 2 * (4_423 // 30) ** 2


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
