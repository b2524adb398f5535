"""Swallows the signal that its budget is spent by suppressing whatever there is.

Fence: rejected: the attribute `mro`
Jail: cut
Round: 1
"""

import contextlib

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(1024, 1024)
    everything = Exception.mro()[1]
    for _ in range(20):
        with contextlib.suppress(everything):
            matrix @ matrix
    return torch.ones(len(runs), 1)
