"""Hands the meter tensors that say they are empty.

Fence: passes
Jail: error: class Small derives from Tensor
"""

import torch

from istar.methods import Interpretation


class Small(torch.nn.Parameter):
    def numel(self):
        return 0

    @property
    def shape(self):
        return (0, 0)


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = Small(torch.ones(256, 256))
    matrix @ matrix
    return torch.full((len(runs), 1), float(0))
