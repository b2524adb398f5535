"""Keeps state in what it was asked.

Fence: rejected: the attribute `__class__`
Jail: harmless
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    found = float(len(question.structure.columns[0].values) != len(question.runs))
    question.structure.columns[0].values.__class__
    vars(question).update(seen=1)
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), prepared)
