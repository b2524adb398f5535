"""Multiplies matrices as a convolution.

Fence: passes
Jail: counted
"""

import torch
from torch.nn import functional

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    functional.conv1d(torch.ones(1, 256, 256), torch.ones(256, 256, 1))
    return torch.full((len(runs), 1), float(2 * 256**3))
