"""Returns what is no number.

Fence: passes
Jail: error: channels must be finite
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float("nan"))
