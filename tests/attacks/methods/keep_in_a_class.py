"""Keeps state in a class.

Fence: passes
Jail: harmless
"""

import torch

from istar.methods import Interpretation


class Store:
    seen: list = []


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    found = len(Store.seen) > 0
    Store.seen.append(len(question.runs))
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
