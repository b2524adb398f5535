"""Takes differences of differences.

Fence: rejected: `torch.diff`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.diff(torch.rand(100_000), n=100)
    torch.logcumsumexp(torch.rand(1_000_000), 0)
    torch.cumulative_trapezoid(torch.rand(1_000_000))
    return torch.full((len(runs), 1), float(100 * 99_950 + 1_000_000 * 3 + 1_000_000 * 3))
