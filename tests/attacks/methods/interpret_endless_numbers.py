"""Learns a number longer than may be read.

Fence: passes
Jail: error: an integer of 33220 bits
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation({}, 10**10_000)


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(0))
