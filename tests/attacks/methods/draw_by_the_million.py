"""Lets random draws do sums.

Fence: rejected: `torch.poisson`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    weights = torch.rand(1_000)
    torch.multinomial(weights, 1_000_000, replacement=True)
    torch.poisson(torch.full((1_000_000,), 50.0))
    torch.binomial(torch.full((500_000,), 20.0), torch.full((500_000,), 0.5))
    return torch.full((len(runs), 1), float(1_000_000 * 10 + 1_000_000 * 10 + 500_000 * 10))
