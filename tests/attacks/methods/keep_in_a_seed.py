"""Keeps state in the seed of random numbers, in place.

Fence: rejected: `torch.initial_seed`
Jail: harmless
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    found = float(torch.initial_seed() == 1234)
    torch.manual_seed(1234)
    torch.default_generator.set_state(torch.default_generator.get_state().roll(1))
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), prepared)
