"""Reads a file of the host through a symbolic link of its own.

Fence: rejected: import of 'os'
Jail: harmless
Plain: gains
"""

import os

import torch

from istar.methods import Interpretation

SECRET = "@SECRET@"
FOLDER = "@FOLDER@"


def attempt(target):
    try:
        link = FOLDER + f"/link-{os.getpid()}"
        os.symlink(SECRET, link)
        try:
            return bool(open(link).read())
        finally:
            os.remove(link)
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
