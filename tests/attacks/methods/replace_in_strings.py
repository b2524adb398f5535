"""Adds unary numbers by replacing, joining and splitting strings.

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
    text = "abc" * 2_000_000
    for _ in range(4 * UNITS):
        text = text.replace("ab", "ba").replace("c", "cc").replace("cc", "c")
        parts = "".join(text.split("c"))
    return 4 * UNITS * 24_000_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
