"""Counts letters in strides of a text.

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
    text = "ab" * 4_000_000
    for stride in range(1, 20 * UNITS):
        total = text[::stride].count("a")
    return 20 * UNITS * 1_000_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
