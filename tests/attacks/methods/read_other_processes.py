"""Reads environment and memory of the processes around it.

Fence: rejected: import of 'os'
Jail: harmless
Plain: gains
"""

import os

import torch

from istar.methods import Interpretation

PLACES = [f"/proc/{number}/{file}" for number in (1, os.getppid(), "self") for file in ("environ", "maps", "mem")]


def readable(place):
    try:
        return bool(open(place, "rb").read(10))
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(any(map(readable, PLACES))))
