"""Fills every disk it can write to.

Fence: rejected: `open`
Jail: harmless
"""

import torch

from istar.methods import Interpretation

FOLDERS = ("@FOLDER@", "/tmp", "/var/tmp", "/dev/shm", "/run", ".")


def fill(folder):
    try:
        with open(folder + "/@NAME@", "wb", buffering=0) as file:
            return bool(file.write(bytes(2**20)))
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(any([fill(folder) for folder in FOLDERS])))
