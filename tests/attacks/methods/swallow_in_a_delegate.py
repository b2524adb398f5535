"""Swallows the signal in an object that a generator delegates to.

Fence: passes
Jail: cut
Round: 4
"""

import contextlib

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


class Deaf:
    def __init__(self):
        self.asked = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.asked += 1
        if self.asked > 1:
            raise StopIteration
        return 1

    def throw(self, *_):
        raise StopIteration


@contextlib.contextmanager
def deaf():
    yield from Deaf()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(1024, 1024)
    out = torch.ones(len(runs), 1)
    for _ in range(20):
        with deaf():
            matrix @ matrix
    return out
