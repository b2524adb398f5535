"""Makes a structure of its own, whose columns are arrays of numpy.

Fence: rejected: `istar.questions.Structure`
Jail: seen: 0.3
"""

import torch

from istar.methods import Interpretation
from istar.questions import Structure

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    column = Structure(question.structure.columns)[question.structure.columns[0].name]
    matrix = column.repeat(10**6)[: 10**6].reshape(1000, 1000)
    for _ in range(30 * UNITS):
        matrix = matrix @ matrix / 1000
    return matrix


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
