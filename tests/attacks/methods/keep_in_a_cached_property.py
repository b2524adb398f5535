"""Keeps state in a cached property and in a suspended generator of the file.

Fence: passes
Jail: harmless
Round: 5
"""

import functools

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


class Kept:
    @functools.cached_property
    def seen(self):
        return []


def counting():
    total = 0
    while True:
        yield total
        total += 1


KEPT, COUNTS = Kept(), counting()


def prepare(question, target, interpretation):
    found = float(len(KEPT.seen) + next(COUNTS) > 0)
    KEPT.seen.append(1)
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), prepared)
