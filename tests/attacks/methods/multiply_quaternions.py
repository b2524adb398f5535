"""Multiplies complex numbers in elementwise operations and reductions.

Fence: rejected: `torch.complex64`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    left, right = torch.rand(2, 500_000, dtype=torch.complex64)
    left * right
    left.conj() / right
    (left * right).sum()
    torch.view_as_complex(torch.rand(500_000, 2)).prod()
    return torch.full((len(runs), 1), float(500_000 * (6 + 10 + 6 + 2 + 6)))
