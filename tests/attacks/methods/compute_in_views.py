"""Multiplies matrices as a sum over expanded views.

Fence: passes
Jail: counted
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(128, 128)
    (matrix.unsqueeze(1) * matrix.unsqueeze(0)).sum(-1)
    return torch.full((len(runs), 1), float(2 * 128**3 - 128**2))
