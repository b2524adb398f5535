"""Keeps state in a function's default argument.

Fence: passes
Jail: harmless
"""

import torch

from istar.methods import Interpretation


def remember(value, seen=[]):
    seen.append(value)
    return len(seen) > 1


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    return remember(len(question.runs))


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
