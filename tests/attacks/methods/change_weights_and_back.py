"""Changes the target's weights and writes them back.

Fence: passes
Jail: error: left the target changed
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    weight = target.anatomy.unembedding.weight
    with torch.no_grad():
        kept = weight.clone()
        weight.mul_(0)
        weight.copy_(kept)
    return torch.full((len(runs), 1), float(1))
