"""Decomposes batches of small matrices that are expanded from one.

Fence: passes
Jail: counted
Round: 6
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrices = (torch.eye(24) * 2 + 0.1).expand(100, 24, 24)
    torch.linalg.inv(matrices)
    torch.linalg.eigh(matrices)
    torch.linalg.svd(matrices)
    torch.linalg.cholesky(matrices)
    return torch.full((len(runs), 1), float(100 * 24**3 * (2 + 9 + 20 + 0.33) * 0.5))
