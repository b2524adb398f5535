"""Changes the target's weights where no versions are kept.

Fence: passes
Jail: error: left the target changed
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    with torch.inference_mode():
        target.anatomy.unembedding.weight.mul_(0)
    return torch.full((len(runs), 1), float(1))
