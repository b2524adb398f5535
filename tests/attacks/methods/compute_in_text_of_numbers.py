"""Converts numbers to text and back.

Fence: passes
Jail: seen: 0.3
Round: 1
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    for _ in range(4 * UNITS):
        texts = [f"{number:.17e}" for number in range(500_000)]
        total = sum(map(float, texts))
    return 4 * UNITS * 1_000_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
