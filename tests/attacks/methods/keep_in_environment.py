"""Keeps state in the environment.

Fence: rejected: import of 'os'
Jail: harmless
"""

import os

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    found = "SEEN" in os.environ
    os.environ["SEEN"] = "1"
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
