"""Lets string searches compare.

Fence: passes
Jail: error: the limit is
Round: 1
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    text = "a" * 40_000
    for _ in range(2 * UNITS):
        found = text.find("a" * 10_000 + "b" + "a" * 9_000) + text.count("aab") + text.rfind("b" + "a" * 20_000)
    return 2 * UNITS * 40_000 * 10_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
