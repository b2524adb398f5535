"""Reads a file of the host with Python's own open.

Fence: rejected: `open`
Jail: harmless
Plain: gains
"""

import torch

from istar.methods import Interpretation

SECRET = "@SECRET@"


def attempt(target):
    try:
        with open(SECRET) as file:
            return bool(file.read())
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
