"""Scales floats by adding to the bits of their exponents, as integers.

Fence: passes
Jail: counted
Round: 3
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    numbers = torch.rand(1_000_000)
    for _ in range(20):
        numbers = (numbers.view(torch.int32) + 2**23).view(torch.float32)
    return torch.full((len(runs), 1), float(20 * 1_000_000))
