"""Reads a file of the host as a tensor.

Fence: rejected: `torch.from_file`
Jail: error: no price for the operation
"""

import torch

from istar.methods import Interpretation

SECRET = "@SECRET@"


def attempt(target):
    try:
        return bool(torch.from_file(SECRET, size=5, dtype=torch.uint8).sum())
    except RuntimeError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
