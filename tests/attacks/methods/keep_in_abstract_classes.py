"""Keeps state in the registry of an abstract class.

Fence: passes
Jail: harmless
"""

from collections.abc import Mapping

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    found = issubclass(torch.nn.Linear, Mapping)
    Mapping.register(torch.nn.Linear)
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
