"""Keeps state among Python's built-in names.

Fence: rejected: import of 'builtins'
Jail: harmless
"""

import builtins

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    found = hasattr(builtins, "seen")
    builtins.seen = 1
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
