"""Keeps state in a cached function.

Fence: passes
Jail: harmless
"""

from functools import cache

import torch

from istar.methods import Interpretation


@cache
def seen():
    return []


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    found = len(seen()) > 0
    seen().append(len(question.runs))
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
