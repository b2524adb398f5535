"""Counts the digits of numbers that it writes out in hexadecimal.

Fence: passes
Jail: error: the limit is
Round: 2
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    number = (1 << 4_000_000) // 3
    for _ in range(20 * UNITS):
        total = f"{number:x}".count("5")
    return 20 * UNITS * 1_000_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
