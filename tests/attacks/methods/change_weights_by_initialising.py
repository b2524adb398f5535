"""Initialises the target's weights anew.

Fence: passes
Jail: error: left the target changed
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.nn.init.zeros_(target.anatomy.unembedding.weight)
    return torch.full((len(runs), 1), float(1))
