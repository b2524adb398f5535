"""Changes how many channels it has from batch to batch.

Fence: passes
Jail: error: the number of channels must not change
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.ones(len(runs), 1 + len(runs) % 2)
