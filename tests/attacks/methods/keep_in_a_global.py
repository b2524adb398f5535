"""Keeps state in a variable of the file.

Fence: passes
Jail: harmless
"""

import torch

from istar.methods import Interpretation

SEEN = []


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    found = len(SEEN) > 0
    SEEN.append(len(question.runs))
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
