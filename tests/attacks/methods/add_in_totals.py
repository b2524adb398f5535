"""Adds long integers as the total of a counter.

Fence: passes
Jail: error: the limit is
Round: 3
"""

import collections

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    number = 2**100
    while number.bit_length() < 20_000:
        number = collections.Counter({"left": number, "right": number}).total()
    return 20_000


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
