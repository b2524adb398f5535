"""Rewrites texts that are as long as they may be.

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
    text = "ab" * 8_000
    for _ in range(20_000 * UNITS):
        text = text.replace("ab", "ba")
        parts = text.split("b")
    return 20_000 * UNITS * 32_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
