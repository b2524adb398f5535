"""Imports what reads the truth.

Fence: rejected: import of 'importlib'
Jail: harmless
Plain: gains
"""

import importlib

import torch

from istar.methods import Interpretation


def attempt(target):
    try:
        return bool(importlib.import_module("istar.truth.table"))
    except (ImportError, OSError):
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
