"""Writes into the columns and rows that it is shown.

Fence: passes
Jail: error: does not support item assignment
Round: 6
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    column = question.structure.columns[0]
    column.values[0] = 5.0
    return torch.ones(len(runs), 1)
