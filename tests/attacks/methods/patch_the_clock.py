"""Stops every clock of its process.

Fence: rejected: import of 'time'
Jail: seen: 0.3
"""

import time

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    time.process_time = time.perf_counter = time.monotonic = time.time = lambda: 0.0
    return sum(number * number for number in range(25_000_000 * UNITS))


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
