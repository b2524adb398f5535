"""Swallows the signal that its budget is spent.

Fence: rejected: an except clause
Jail: cut
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(1024, 1024)
    for _ in range(100):
        try:
            matrix @ matrix
        except BaseException:
            pass
    return torch.full((len(runs), 1), float(1))
