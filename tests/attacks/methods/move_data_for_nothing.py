"""Moves data about: copies, flips, rolls and gathers.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    data = torch.rand(4_000_000)
    for _ in range(5):
        data = torch.cat([data.roll(1)[:2_000_000], data.flip(0)[:2_000_000]]).clone()
    return torch.full((len(runs), 1), float(5 * 4 * 4_000_000))
