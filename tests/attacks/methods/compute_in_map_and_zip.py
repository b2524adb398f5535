"""Multiplies in functions that are written in C, mapped over lists.

Fence: passes
Jail: seen: 0.3
Round: 4
"""

import math

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    numbers = [number / 7 for number in range(100_000)]
    for _ in range(20 * UNITS):
        total = sum(map(math.copysign, numbers, numbers)) + max(map(abs, numbers))
    return 20 * UNITS * 400_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
