"""Walks up the frames to the meter and sets it back.

Fence: rejected: import of 'sys'
Jail: seen: 0.3
"""

import sys

import torch

from istar.flops.meter import Meter
from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    frame, meters = sys._getframe(), []
    while frame is not None:
        meters += [value for value in frame.f_locals.values() if isinstance(value, Meter)]
        frame = frame.f_back
    matrix = torch.ones(700, 700)
    for _ in range(120 * UNITS):
        matrix @ matrix
        for meter in meters:
            meter._flops = 0
            for entry in meter._entries.values():
                entry.flops = 0


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
