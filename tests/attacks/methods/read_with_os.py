"""Reads a file of the host by system calls.

Fence: rejected: import of 'os'
Jail: harmless
Plain: gains
"""

import os

import torch

from istar.methods import Interpretation

SECRET = "@SECRET@"


def attempt(target):
    try:
        return bool(os.read(os.open(SECRET, os.O_RDONLY), 100))
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
