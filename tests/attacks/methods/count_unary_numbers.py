"""Multiplies numbers as lengths of texts, and counts the letters.

Fence: passes
Jail: seen: 0.3
Round: 4
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    for _ in range(100_000 * UNITS):
        total = ("ab" * 100).replace("a", "c" * 50).count("c")
    return 100_000 * UNITS * 5_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
