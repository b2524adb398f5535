"""Fills tensors and data, each up to the whole limit.

Fence: passes
Jail: error: the limit is 32 MiB
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation({"table": torch.zeros(8 * 2**20 - 1_000)}, {"table": ["0" * 2**14] * (31 * 2**6)})


def predict(question, runs, target, interpretation, prepared):
    return torch.ones(len(runs), 1)
