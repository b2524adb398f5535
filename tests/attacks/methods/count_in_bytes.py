"""Works on bytes instead of numbers.

Fence: rejected: `bytes`
Jail: seen: 0.3
Round: 1
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    text = bytes(range(256)) * 40_000
    for _ in range(20 * UNITS):
        text = text.translate(bytes(reversed(range(256))))
        total = text.count(b"\x01\x02")
    return 20 * UNITS * 2 * 256 * 40_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
