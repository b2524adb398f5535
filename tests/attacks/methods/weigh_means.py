"""Takes weighted means of Python's numbers.

Fence: passes
Jail: seen: 0.3
Round: 4
"""

import statistics

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    points = [number / 7 for number in range(10_000)]
    for _ in range(300 * UNITS):
        total = statistics.fmean(points) + statistics.pvariance(points[:100])
    return 300 * UNITS * 10_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
