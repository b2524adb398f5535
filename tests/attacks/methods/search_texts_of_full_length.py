"""Searches texts that are as long as they may be for patterns that nearly fit.

Fence: passes
Jail: seen: 0.3
Round: 3
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    text = "a" * 16_000
    for _ in range(1_600 * UNITS):
        found = text.find("a" * 4_000 + "b" + "a" * 4_000)
    return 1_600 * UNITS * 16_000 * 100


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
