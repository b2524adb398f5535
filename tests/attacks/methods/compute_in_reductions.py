"""Folds functions over sequences.

Fence: passes
Jail: seen: 0.3
Round: 1
"""

import functools

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    for _ in range(10 * UNITS):
        total = functools.reduce(lambda left, right: left + right * 3, range(1_000_000))
    return 10 * UNITS * 2_000_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
