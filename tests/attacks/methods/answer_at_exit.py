"""Leaves code behind that rewrites the answer when Python ends.

Fence: rejected: import of 'atexit'
Jail: harmless
"""

import atexit
import os

import torch

from istar.methods import Interpretation


def reply_pipe():
    for descriptor in range(3, 64):
        try:
            if os.stat(descriptor) and os.write(descriptor, b"") == 0:
                return descriptor
        except OSError:
            continue


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    atexit.register(lambda: os.write(reply_pipe(), b"forged"))
    return torch.full((len(runs), 1), float(0))
