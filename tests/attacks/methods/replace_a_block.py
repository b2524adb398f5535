"""Puts a module of its own in a block's place.

Fence: passes
Jail: error: left the target changed
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    layers = target.module.model.layers
    layers[0] = torch.nn.Identity()
    return torch.full((len(runs), 1), float(1))
