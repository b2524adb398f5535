"""Imports what is closed under the name of what is open.

Fence: rejected: import of 'os'
"""

import os as torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
