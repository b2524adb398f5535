"""Never comes back from an iterator that is written in C.

Fence: passes
Jail: error: took longer than
Seconds: 4
Round: 1
"""

import itertools

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    sum(itertools.repeat(1))
    return torch.ones(len(runs), 1)
