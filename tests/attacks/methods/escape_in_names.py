"""Writes to the terminal through the names of its tensors.

Fence: passes
Jail: harmless
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation({"\x1b[2J\x07": torch.zeros(1)}, {"\x1b[31m": "\u202e"})


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(0))
