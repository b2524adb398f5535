"""Maps a file of the host into memory.

Fence: rejected: import of 'mmap'
Jail: harmless
Plain: gains
"""

import mmap
import os

import torch

from istar.methods import Interpretation

SECRET = "@SECRET@"


def attempt(target):
    try:
        return bool(mmap.mmap(os.open(SECRET, os.O_RDONLY), 0, prot=mmap.PROT_READ)[:5])
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
