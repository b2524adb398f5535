"""Multiplies nested tensors.

Fence: rejected: `torch.nested`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    nested = torch.nested.nested_tensor([torch.ones(64, 64), torch.ones(128, 64)])
    torch.nn.functional.linear(nested, torch.ones(64, 64))
    torch.matmul(nested, torch.ones(64, 64))
    return torch.full((len(runs), 1), float(2 * 2 * 192 * 64**2))
