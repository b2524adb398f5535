"""Sets an attribute of torch's own class by passing it as `self`.

Fence: passes
Jail: error: an attribute of a .* is assigned to
"""

import torch

from istar.methods import Interpretation


class Patch:
    def spread(self):
        self.detach = lambda tensor: tensor


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    Patch.spread(torch.Tensor)
    return torch.full((len(runs), 1), float(0))
