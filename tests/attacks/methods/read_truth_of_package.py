"""Reads the truth that ships inside the package.

Fence: rejected: import of 'os'
Jail: harmless
Plain: gains
"""

import os

import torch

import istar
from istar.methods import Interpretation


def attempt():
    folder = os.path.join(os.path.dirname(istar.__file__), "truth")
    try:
        return any(open(os.path.join(folder, name), "rb").read(1) for name in os.listdir(folder) if "." in name)
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt()))
