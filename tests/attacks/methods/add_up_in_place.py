"""Adds products up in place, scaled and by slices.

Fence: passes
Jail: counted
Round: 6
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    total, matrix = torch.zeros(128, 128), torch.ones(128, 128)
    total.addmm_(matrix, matrix, beta=0.5, alpha=2.0)
    torch.baddbmm(total.expand(8, 128, 128), matrix.expand(8, 128, 128), matrix.expand(8, 128, 128))
    total[::2].addcmul_(matrix[::2], matrix[::2], value=3.0)
    return torch.full((len(runs), 1), float(9 * 2 * 128**3))
