"""Grows an integer in place in an attribute of its own.

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

    def grow(self):
        self.number *= 2
        return self.number


def predict(question, runs, target, interpretation, prepared):
    kept = Kept()
    for _ in range(200):
        kept.grow()
    return torch.full((len(runs), 1), float(kept.number.bit_length()))
