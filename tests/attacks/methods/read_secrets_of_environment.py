"""Reads the user's environment variables.

Fence: rejected: import of 'os'
Jail: harmless
"""

import os

import torch

from istar.methods import Interpretation


def attempt(target):
    try:
        return bool(os.environ.get("ISTAR_BAIT") or os.environ.get("VIRTUAL_ENV") or os.environ.get("HOME") == "/root")
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
