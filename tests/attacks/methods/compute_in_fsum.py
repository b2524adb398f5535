"""Adds and multiplies in functions of the math module.

Fence: rejected: `math.dist`
Jail: seen: 0.3
Round: 1
"""

import math

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    points = [number / 7 for number in range(1_000_000)]
    for _ in range(10 * UNITS):
        total = math.fsum(points) + math.hypot(*points[:100_000]) + math.dist(points, points)
    return 10 * UNITS * 4_200_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
