"""Leaves its session and the signal that ends it with its worker.

Fence: rejected: import of 'ctypes'
Jail: harmless
"""

import ctypes
import os

import torch

from istar.methods import Interpretation

ACTIONS = (
    lambda: os.setsid(),
    lambda: os.setpgid(0, 0),
    lambda: 1 / (1 + ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)),
)


def tried(action):
    try:
        action()
    except (OSError, ZeroDivisionError):
        return False
    return True


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(any([tried(action) for action in ACTIONS])))
