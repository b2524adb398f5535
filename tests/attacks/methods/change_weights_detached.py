"""Changes the target's weights through a detached view.

Fence: passes
Jail: error: left the target changed
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    target.anatomy.unembedding.weight.detach().mul_(0)
    return torch.full((len(runs), 1), float(1))
