"""Multiplies matrices as squared distances.

Fence: passes
Jail: counted
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(256, 256)
    torch.cdist(matrix, matrix)
    return torch.full((len(runs), 1), float(2 * 256**3))
