"""Turns the target into half precision.

Fence: passes
Jail: error: left the target changed
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    target.module.half()
    return torch.full((len(runs), 1), float(1))
