"""Writes a file on the host.

Fence: rejected: `open`
Jail: harmless
Plain: gains
"""

import torch

from istar.methods import Interpretation

FOLDER = "@FOLDER@"


def attempt(target):
    try:
        open(FOLDER + "/left", "w").close()
        return True
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
