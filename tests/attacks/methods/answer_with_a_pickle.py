"""Answers with a pickle that would run code where it is read.

Fence: rejected: import of 'pickle'
Jail: error: a frame begins with
"""

import os
import pickle

import torch

from istar.methods import Interpretation


def reply_pipe():
    for descriptor in range(3, 64):
        try:
            if os.stat(descriptor) and os.write(descriptor, b"") == 0:
                return descriptor
        except OSError:
            continue


class Trap:
    def __reduce__(self):
        return open, ("@FOLDER@/unpickled", "w")


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    os.write(reply_pipe(), pickle.dumps(Trap()) * 9)
    return torch.full((len(runs), 1), float(1))
