"""Packs its numbers into one integer of Python and multiplies.

Fence: passes
Jail: error: an integer of 3000001 bits
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    number = (1 << 3_000_000) - 1
    for _ in range(6 * UNITS):
        number = (number * number) >> 3_000_000
    return number


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
