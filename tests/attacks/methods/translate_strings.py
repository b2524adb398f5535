"""Looks millions of products up by translating strings.

Fence: rejected: `chr`
Jail: seen: 0.3
Round: 1
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    table = {number: chr(255 - number) for number in range(256)}
    text = "".join(map(chr, range(256))) * 40_000
    for _ in range(4 * UNITS):
        text = text.translate(table)
    return 4 * UNITS * 256 * 40_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
