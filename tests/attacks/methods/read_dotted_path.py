"""Reads a file of the host by a path that begins where reading is allowed.

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
        below = "/usr/lib/" + "../" * 9
        return bool(open(os.path.join(below, SECRET[1:])).read())
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
