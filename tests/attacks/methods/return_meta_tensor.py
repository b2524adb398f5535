"""Returns a tensor without numbers.

Fence: passes
Jail: error: a tensor without numbers
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1, device="meta")
