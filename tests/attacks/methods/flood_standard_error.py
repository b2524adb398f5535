"""Floods the worker's standard error.

Fence: rejected: import of 'sys'
Jail: harmless
"""

import sys

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    sys.stderr.write("E" * 10**7)
    print("IST1" * 10**6)
    return torch.full((len(runs), 1), float(0))
