"""Grows an integer until memory is full.

Fence: passes
Jail: error: the limit is
Seconds: 4
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    number = 3
    while number:
        number *= number
    return torch.ones(len(runs), 1)
