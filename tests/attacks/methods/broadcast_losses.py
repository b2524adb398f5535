"""Broadcasts in losses.

Fence: rejected: `torch.nn.functional.poisson_nll_loss`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    column, row = torch.rand(2_000, 1), torch.rand(1, 2_000)
    torch.nn.functional.mse_loss(*torch.broadcast_tensors(column, row))
    torch.nn.functional.huber_loss(*torch.broadcast_tensors(column, row))
    torch.nn.functional.kl_div(*torch.broadcast_tensors(column, row))
    torch.nn.functional.poisson_nll_loss(*torch.broadcast_tensors(column, row))
    return torch.full((len(runs), 1), float(2_000**2 * (3 + 4 + 3 + 3)))
