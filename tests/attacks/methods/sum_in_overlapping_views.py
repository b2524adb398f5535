"""Adds up over views that overlap.

Fence: rejected: `torch.as_strided`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    signal = torch.rand(20_000)
    signal.unfold(0, 1_000, 1).sum(-1)
    torch.as_strided(signal, (10_000, 1_000), (1, 1)).mul(2.0).sum(-1)
    return torch.full((len(runs), 1), float(19_001 * 1_000 + 2 * 10_000_000))
