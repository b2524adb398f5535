"""Multiplies floats roughly, by adding their bits as integers.

Fence: passes
Jail: counted
Round: 3
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    left, right = torch.rand(2, 1_000_000)
    for _ in range(10):
        ((left.view(torch.int32) + right.view(torch.int32)) - 0x3F800000).view(torch.float32)
    return torch.full((len(runs), 1), float(10 * 2 * 1_000_000))
