"""Convolves and takes gradients of both factors, in groups and strides.

Fence: passes
Jail: counted
Round: 6
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    signal = torch.ones(4, 16, 128, requires_grad=True)
    kernel = torch.ones(16, 4, 8, requires_grad=True)
    ends = torch.nn.functional.conv1d(signal, kernel, stride=2, groups=4)
    torch.autograd.grad(ends.sum(), (signal, kernel))
    return torch.full((len(runs), 1), float(3 * 2 * 4 * 16 * 61 * 4 * 8))
