"""Reads a file of the host as if it were Python source.

Fence: rejected: import of 'linecache'
Jail: harmless
Plain: gains
"""

import linecache

import torch

from istar.methods import Interpretation

SECRET = "@SECRET@"


def attempt(target):
    try:
        return bool(linecache.getlines(SECRET))
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
