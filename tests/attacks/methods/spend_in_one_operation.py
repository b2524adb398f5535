"""Spends twenty budgets in one operation, whose price nobody knows before.

Fence: passes
Jail: cut
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.ones(4_000, 4_000).mm(torch.ones(4_000, 4_000))[: len(runs), :1]
