"""Compares and searches texts that are as long as they may be.

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
    text = "ab" * 8_000
    other = "ab" * 7_999 + "ac"
    for _ in range(200_000 * UNITS):
        found = text == other, text.count("ba"), text.find("c")
    return 200_000 * UNITS * 3 * 16_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
