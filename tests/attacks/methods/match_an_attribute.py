"""Reaches an attribute through a pattern instead of a dot.

Fence: rejected: match_case syntax
Round: 1
"""

import contextlib

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    match contextlib:
        case object(os=found):
            return torch.ones(len(runs), 1)
        case object(sys=found):
            return torch.ones(len(runs), 1)
    return torch.zeros(len(runs), 1)
