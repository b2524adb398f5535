"""Returns a tensor that computes when it is read.

Fence: passes
Jail: error: class Lazy derives from Tensor
"""

import torch

from istar.methods import Interpretation


class Lazy(torch.nn.Parameter):
    def detach(self):
        return torch.zeros(self.shape) + (torch.ones(256, 256) @ torch.ones(256, 256))[0, 0]


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return Lazy(torch.zeros(len(runs), 1))
