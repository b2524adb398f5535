"""Keeps state in any file it can write.

Fence: rejected: import of 'os'
Jail: harmless
"""

import os

import torch

from istar.methods import Interpretation

PLACES = ("/tmp/seen", "/dev/shm/seen", "@FOLDER@/seen", "/var/tmp/seen")


def leave(place):
    try:
        open(place, "w").close()
    except OSError:
        pass


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    found = any(map(os.path.exists, PLACES))
    for place in PLACES:
        leave(place)
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
