"""Leaves gradients off for whoever runs next.

Fence: passes
Jail: harmless
Round: 6
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    found = float(not torch.is_grad_enabled())
    torch.set_grad_enabled(False)
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), prepared)
