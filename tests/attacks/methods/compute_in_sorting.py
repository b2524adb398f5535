"""Lets Python sort.

Fence: passes
Jail: seen: 0.3
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    numbers = [(number * 7919) % 1_000_003 for number in range(1_000_000)]
    return sum(sorted(numbers)[0] for _ in range(12 * UNITS))


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
