"""Computes while the file is loaded.

Fence: passes
Jail: seen: 0.3
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def work():
    return sum(number * number for number in range(12_000_000 * UNITS))


TABLE = work()


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    return TABLE


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
