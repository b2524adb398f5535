"""Multiplies matrices in numpy.

Fence: rejected: import of 'numpy'
Jail: seen: 0.3
"""

import numpy
import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    matrix = numpy.ones((1000, 1000))
    for _ in range(30 * UNITS):
        matrix = matrix @ matrix / 1000
    return matrix


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
