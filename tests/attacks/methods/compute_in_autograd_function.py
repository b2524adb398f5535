"""Does its work in the backward of a function of its own.

Fence: rejected: `torch.autograd.Function`
Jail: counted
"""

import torch

from istar.methods import Interpretation


class Working(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return x.clone()

    @staticmethod
    def backward(context, gradient):
        torch.ones(256, 256) @ torch.ones(256, 256)
        return gradient


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    Working.apply(torch.ones(1, requires_grad=True)).sum().backward()
    return torch.full((len(runs), 1), float(2 * 256**3))
