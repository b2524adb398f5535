"""Has a function linearised and pays for its derivative alone.

Fence: passes
Jail: counted
Round: 3
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(256, 256)
    torch.func.linearize(lambda each: each @ matrix, matrix)[1](matrix)
    return torch.full((len(runs), 1), float(2 * 2 * 256**3))
