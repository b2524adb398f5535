"""Adds up in segments and histograms.

Fence: rejected: `torch.segment_reduce`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    values = torch.rand(2_000_000)
    torch.segment_reduce(values, "sum", lengths=torch.full((2_000,), 1_000))
    torch.histc(values, 100)
    torch.histogram(values, 100, weight=values)
    return torch.full((len(runs), 1), float(3 * 2_000_000))
