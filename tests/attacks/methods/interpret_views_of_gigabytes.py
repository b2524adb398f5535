"""Learns a view that claims a terabyte.

Fence: passes
Jail: error: the limit is 32
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation({"table": torch.zeros(1).expand(2**38)})


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(0))
