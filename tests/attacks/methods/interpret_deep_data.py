"""Learns data nested deeper than its reader may follow.

Fence: passes
Jail: error: nested too deeply
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    data = []
    for _ in range(1400):
        data = [data]
    return Interpretation({}, data)


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(0))
