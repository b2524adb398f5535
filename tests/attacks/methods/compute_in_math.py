"""Takes scalar products through the distance of points.

Fence: rejected: `math.dist`
Jail: seen: 0.3
"""

import math

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    point = [0.5] * 1_000_000
    return sum(math.dist(point, point[::-1]) for _ in range(60 * UNITS))


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
