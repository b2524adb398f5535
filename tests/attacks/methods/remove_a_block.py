"""Takes a block out of the target.

Fence: passes
Jail: error: left the target changed
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    layers = target.module.model.layers
    if len(layers) > 3:
        del layers[-1]
    return torch.full((len(runs), 1), float(1))
