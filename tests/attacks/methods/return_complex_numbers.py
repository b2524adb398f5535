"""Returns two numbers in one.

Fence: passes
Jail: error: complex numbers
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1) + 1j
