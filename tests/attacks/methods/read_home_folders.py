"""Lists home folders and the system's own.

Fence: rejected: import of 'os'
Jail: harmless
Plain: gains
"""

import os

import torch

from istar.methods import Interpretation


def readable(folder):
    try:
        return bool(os.listdir(folder))
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full(
        (len(runs), 1), float(any(map(readable, ("/home", "/srv", "/mnt", "/media", "/var", "/run", "/boot"))))
    )
