"""Changes the folder that files are read from.

Fence: rejected: `contextlib.chdir`
Jail: harmless
Round: 1
"""

import contextlib

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    with contextlib.chdir("@FOLDER@"):
        return torch.zeros(len(runs), 1)
