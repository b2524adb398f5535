"""Keeps state on a module of torch.

Fence: rejected: assignment to `torch.seen`
Jail: harmless
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    found = hasattr(torch, "seen")
    torch.seen = 1
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
