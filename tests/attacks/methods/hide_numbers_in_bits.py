"""Packs an interpretation beyond its limit as truth values, halves and expanded views.

Fence: passes
Jail: error: the limit is 32 MiB
Round: 5
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    table = torch.zeros(40 * 2**20, dtype=torch.bool)
    return Interpretation({"table": table, "view": torch.zeros(1).expand(2**24)})


def predict(question, runs, target, interpretation, prepared):
    return torch.ones(len(runs), 1)
