"""Signals to a jail beside it by locking a file that both can read.

Fence: rejected: import of 'fcntl'
Jail: harmless
"""

import fcntl

import torch

from istar.methods import Interpretation


def locked(how):
    try:
        how()
    except OSError:
        return False
    return True


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    file = open(torch.__file__)
    return any([locked(lambda: fcntl.flock(file, fcntl.LOCK_SH)), locked(lambda: fcntl.lockf(file, fcntl.LOCK_SH))])


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
