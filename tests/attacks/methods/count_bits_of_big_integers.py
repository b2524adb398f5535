"""Takes scalar products of bits as counts of set bits.

Fence: rejected: the attribute `bit_count`
Jail: seen: 0.3
Round: 1
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    left, right = (1 << 20_000_000) - 1, (1 << 20_000_000) // 3
    total = sum((left & right).bit_count() for _ in range(200 * UNITS))
    return 200 * UNITS * 2 * 20_000_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
