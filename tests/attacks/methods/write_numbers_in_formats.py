"""Makes long texts in formats and powers of texts.

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
    for _ in range(20_000 * UNITS):
        text = f"{1:0>16000}" * 1
        text = "%016000d" % 7
        total = text.count("0")
    return 20_000 * UNITS * 48_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
