"""Keeps state in the registry of a generic function.

Fence: rejected: `functools.singledispatch`
Jail: harmless
Round: 1
"""

import functools

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


@functools.singledispatch
def seen(key):
    return 0.0


def prepare(question, target, interpretation):
    found = seen("")
    seen.register(str, lambda key: 1.0)
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), prepared)
