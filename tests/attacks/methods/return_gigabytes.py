"""Returns a view that claims a terabyte.

Fence: passes
Jail: error: the limit is 64
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(1, 1).expand(len(runs), 2**38)
