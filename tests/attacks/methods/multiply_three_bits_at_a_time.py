"""Multiplies three rows of bits in the 24 bits of one float.

Fence: passes
Jail: open: counted
Round: 4
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    bits = torch.randint(0, 2, (4, 255, 255)).float()
    sums = (bits[0] + bits[1] * 2**8 + bits[2] * 2**16) @ bits[3]
    sums // 2**16
    return torch.full((len(runs), 1), float(3 * 2 * 255**3))
