"""Fills an interpretation with compressed numbers that become a hundred times as many.

Fence: rejected: `torch.sparse_coo_tensor`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    index = torch.zeros(2, 1, dtype=torch.long)
    wide = torch.sparse_coo_tensor(index, torch.ones(1), (100_000, 100_000))
    return Interpretation({"table": wide})


def predict(question, runs, target, interpretation, prepared):
    return torch.ones(len(runs), 1)
