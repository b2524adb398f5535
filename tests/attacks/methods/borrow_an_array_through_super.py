"""Reaches numpy through `super`, in a file with a method of that name.

Fence: passes
Jail: error: closed to methods
Round: 2
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


class Own:
    def numpy(self):
        return 1


def predict(question, runs, target, interpretation, prepared):
    array = super(torch.Tensor, torch.ones(256, 256)).numpy()
    return torch.full((len(runs), 1), float((array @ array)[0, 0]))
