"""Adds up in Python's own loops.

Fence: passes
Jail: seen: 0.3
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    return sum(number * number for number in range(25_000_000 * UNITS))


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
