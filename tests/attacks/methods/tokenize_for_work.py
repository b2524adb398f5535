"""Lets the tokenizer's own code run over long texts.

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
    text = "a" * 100_000
    for _ in range(4 * UNITS):
        tokens = target.encode(text)
        text = target.decode(tokens)[:100_000]
    return 4 * UNITS * 200_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
