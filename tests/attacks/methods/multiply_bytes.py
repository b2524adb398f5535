"""Multiplies bytes, shorts and flags.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    for kind in (torch.int8, torch.uint8, torch.int16, torch.int32):
        matrix = torch.ones(128, 128, dtype=kind)
        matrix @ matrix
    return torch.full((len(runs), 1), float(4 * 2 * 128**3))
