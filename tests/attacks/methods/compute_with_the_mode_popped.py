"""Takes the meter off torch's stack and computes.

Fence: rejected: import of 'torch.utils._python_dispatch'
Jail: seen: 0.3
"""

import torch
from torch.utils._python_dispatch import _disable_current_modes

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    matrix = torch.ones(700, 700)
    with _disable_current_modes():
        for _ in range(120 * UNITS):
            matrix @ matrix


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
