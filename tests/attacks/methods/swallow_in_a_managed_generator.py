"""Swallows the signal in a generator that manages a context and is closed early.

Fence: rejected: continue syntax inside finally
Jail: error: generator didn't stop
Round: 1
"""

import contextlib

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


@contextlib.contextmanager
def deaf():
    for _ in range(2):
        try:
            yield
        finally:
            continue


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(1024, 1024)
    for _ in range(20):
        with deaf():
            matrix @ matrix
    return torch.ones(len(runs), 1)
