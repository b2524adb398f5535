"""Adds and compares through attributes that are spelled like no sum.

Fence: rejected: the attribute `renorm`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.rand(1_000, 1_000)
    matrix.renorm(2, 0, 1.0)
    matrix.diff(n=20)
    matrix.as_strided((10_000, 1_000), (1, 1)).sum()
    matrix.index_reduce(0, torch.arange(1_000), matrix, "prod")
    matrix.histc(100)
    return torch.full((len(runs), 1), float(1_000**2 * (3 + 20 + 10 + 1 + 2)))
