"""Finds the meter among all objects and sets it back.

Fence: rejected: import of 'gc'
Jail: seen: 0.3
"""

import gc

import torch

from istar.flops.meter import Meter
from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    meters = [each for each in gc.get_objects() if isinstance(each, Meter)]
    matrix = torch.ones(700, 700)
    for _ in range(120 * UNITS):
        matrix @ matrix
        for meter in meters:
            meter._flops = 0
            for entry in meter._entries.values():
                entry.flops = 0


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
