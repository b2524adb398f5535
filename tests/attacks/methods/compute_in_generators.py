"""Adds up in Python's own loops.

Fence: passes
Jail: seen: 0.4
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    return sum(number * number for number in range(25_000_000))


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
