"""Calls itself without end.

Fence: passes
Jail: error: RecursionError
"""

import torch

from istar.methods import Interpretation


def down(depth):
    return down(depth + 1)


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(down(0)))
