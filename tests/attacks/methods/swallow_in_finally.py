"""Swallows the meter's signal by returning from finally.

Fence: rejected: inside finally
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    try:
        return torch.ones(1)
    finally:
        return torch.zeros(len(runs), 1)
