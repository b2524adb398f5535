"""Takes matrix exponentials in scipy.

Fence: rejected: import of 'scipy.linalg'
Jail: seen: 0.3
"""

import numpy
import scipy.linalg
import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    return [scipy.linalg.svd(numpy.random.rand(500, 500)) for _ in range(25 * UNITS)]


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
