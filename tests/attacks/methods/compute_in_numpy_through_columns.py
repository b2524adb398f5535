"""Multiplies in numpy through the arrays of the question's columns.

Fence: rejected: the attribute `array`
Jail: seen: 0.3
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    matrix = question.structure.columns[0].array.repeat(10**6)[: 10**6].reshape(1000, 1000)
    for _ in range(30 * UNITS):
        matrix = matrix @ matrix / 1000
    return matrix


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
