"""Keeps state in the system's shared memory.

Fence: rejected: import of 'ctypes'
Jail: harmless
"""

import ctypes

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    library = ctypes.CDLL(None)
    found = library.shmget(0x1574, 4096, 0) >= 0
    made = library.shmget(0x1574, 4096, 0o1600) >= 0
    return found or made


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
