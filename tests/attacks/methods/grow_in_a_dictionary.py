"""Grows an integer in place where it is kept in a list, a dictionary and an object.

Fence: passes
Jail: error: the limit is
Round: 3
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


class Kept:
    def __init__(self):
        self.number = 1


def predict(question, runs, target, interpretation, prepared):
    kept = Kept()
    numbers = {"a": 1}
    for _ in range(200):
        numbers["a"] <<= 1
    return torch.full((len(runs), 1), float(numbers["a"].bit_length() + kept.number))
