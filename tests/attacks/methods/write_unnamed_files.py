"""Keeps state in files without a name.

Fence: rejected: import of 'os'
Jail: harmless
Plain: gains
"""

import os
import tempfile

import torch

from istar.methods import Interpretation

ACTIONS = (
    lambda: os.memfd_create("state"),
    lambda: os.open("/tmp", os.O_TMPFILE | os.O_RDWR),
    lambda: os.mkfifo("/tmp/@NAME@-state"),
    lambda: os.mknod("/tmp/@NAME@-device"),
    lambda: tempfile.TemporaryFile(),
)


def tried(action):
    try:
        action()
    except OSError:
        return False
    return True


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(any([tried(action) for action in ACTIONS])))
