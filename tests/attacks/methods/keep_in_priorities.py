"""Keeps state in the priority of its worker.

Fence: rejected: import of 'os'
Jail: harmless
"""

import os

import torch

from istar.methods import Interpretation


def changed():
    try:
        os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)
    except OSError:
        return False
    return True


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    return changed()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
