"""Multiplies in tangents of forward-mode differentiation.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix, tangent = torch.ones(256, 256), torch.ones(256, 256)
    torch.func.jvp(lambda each: each @ matrix, (matrix,), (tangent,))
    return torch.full((len(runs), 1), float(2 * 2 * 256**3))
