"""Computes where its own tensors are dispatched.

Fence: rejected: the special method `__torch_dispatch__`
Jail: seen: 0.3
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


class Working(torch.Tensor):
    @classmethod
    def __torch_dispatch__(cls, function, types, arguments=(), keywords=None):
        matrix = torch.ones(700, 700)
        for _ in range(120 * UNITS):
            matrix @ matrix
        return torch.ones(1)

    __torch_function__ = torch._C._disabled_torch_function_impl


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    return torch.ones(1).as_subclass(Working) + 1


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
