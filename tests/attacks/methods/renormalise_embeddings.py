"""Renormalises the rows of a table as it looks them up.

Fence: rejected: `torch.renorm`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.nn.functional.embedding(torch.arange(2_000), torch.rand(2_000, 1_000), max_norm=1.0)
    torch.renorm(torch.rand(2_000, 1_000), 2, 0, 1.0)
    return torch.full((len(runs), 1), float(2 * 2_000 * 1_000 * 2))
