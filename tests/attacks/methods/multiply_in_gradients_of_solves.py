"""Multiplies in the gradients of solves and determinants.

Fence: passes
Jail: counted
Round: 4
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = (torch.eye(64) * 2 + 0.01).requires_grad_()
    torch.autograd.grad(torch.linalg.solve(matrix, torch.ones(64, 1_000)).sum(), matrix)
    torch.autograd.grad(torch.linalg.det(matrix / 2), matrix)
    return torch.full((len(runs), 1), float(3 * 2 * 64**2 * 1_000))
