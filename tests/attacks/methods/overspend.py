"""Spends without end.

Fence: passes
Jail: cut
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(1024, 1024)
    while True:
        matrix @ matrix
