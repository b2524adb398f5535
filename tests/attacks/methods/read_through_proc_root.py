"""Reads a file of the host through the process's own root and working folder.

Fence: rejected: `open`
Jail: harmless
Plain: gains
"""

import torch

from istar.methods import Interpretation

SECRET = "@SECRET@"


def attempt(target):
    try:
        return any(open(way + SECRET).read() for way in ("/proc/self/root", "/proc/1/root", "/proc/self/cwd"))
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
