"""Leaves the target in another mode, by its parts.

Fence: passes
Jail: error: left the target changed
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    target.anatomy.blocks[0].requires_grad_(True)
    return torch.full((len(runs), 1), float(1))
