"""Sorts rows and takes medians, quantiles and what is distinct.

Fence: passes
Jail: counted
Round: 3
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    values = torch.rand(1_000, 200)
    torch.unique(values, dim=0)
    values.median(0)
    torch.quantile(values, torch.linspace(0, 1, 20), dim=0)
    values.topk(100)
    return torch.full((len(runs), 1), float(1_000 * 200 * (10 + 4 + 10 + 7)))
