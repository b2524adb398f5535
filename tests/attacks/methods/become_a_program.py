"""Replaces itself by another program.

Fence: rejected: import of 'os'
Jail: harmless
"""

import os

import torch

from istar.methods import Interpretation


def attempt(target):
    try:
        os.execv("/usr/bin/env", ["env", "true"])
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
