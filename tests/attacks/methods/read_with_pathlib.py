"""Reads a file of the host through a path object.

Fence: rejected: import of 'pathlib'
Jail: harmless
Plain: gains
"""

from pathlib import Path

import torch

from istar.methods import Interpretation

SECRET = "@SECRET@"


def attempt(target):
    try:
        return bool(Path(SECRET).read_text())
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
