"""Returns a row more than it was asked for.

Fence: passes
Jail: error: one row of channels a run
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs) + 1, 1)
