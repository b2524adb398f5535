"""Learns integers that are longer than a method may make.

Fence: passes
Jail: error: the limit is
Round: 3
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    digits = "7" * 4_000
    return Interpretation({}, {"long": int(digits)})


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(interpretation.data["long"] // 10**3 > 0))
