"""Multiplies as the gradient of something cheap.

Fence: rejected: `torch.autograd.functional`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    left, right = torch.ones(256, 256), torch.ones(256, 256)
    small = torch.zeros(256, 256, requires_grad=True)
    ends = torch.autograd.functional.vjp(lambda vector: torch.mv(left, vector), torch.ones(256), torch.ones(256))
    torch.autograd.grad((small * right).sum(1), small, grad_outputs=torch.ones(256))
    torch.func.vmap(lambda column: torch.func.vjp(lambda vector: left @ vector, torch.ones(256))[1](column))(right)
    return torch.full((len(runs), 1), float(2 * 2 * 256**2 + 2 * 256**3))
