"""Takes means, correlations and regressions of Python's numbers.

Fence: rejected: `statistics.correlation`
Jail: seen: 0.3
Round: 1
"""

import statistics

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    points = [number / 7 for number in range(200_000)]
    for _ in range(2 * UNITS):
        total = statistics.fmean(points) + statistics.correlation(points, points)
        line = statistics.linear_regression(points, points)
    return 2 * UNITS * 200_000 * 20


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
