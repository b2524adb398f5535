"""Broadcasts one number under a mask.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.masked_select(torch.ones(1), torch.ones(1_000, 4_000, dtype=torch.bool))
    return torch.full((len(runs), 1), float(4_000_000))
