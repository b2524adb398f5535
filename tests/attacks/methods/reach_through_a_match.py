"""Reaches refused attributes by unpacking the arguments of an error.

Fence: rejected: the attribute `numpy`
Round: 4
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    error = ValueError(torch.ones(2))
    array = error.args[0].numpy
    return torch.full((len(runs), 1), float(array()[0]))
