"""Lets the C library work on its memory.

Fence: rejected: import of 'ctypes'
Jail: seen: 0.3
"""

import ctypes

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    room = ctypes.create_string_buffer(2**26)
    for _ in range(900 * UNITS):
        ctypes.CDLL(None).memset(room, 1, 2**26)


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
