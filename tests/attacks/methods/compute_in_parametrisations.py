"""Does its work where a module computes its own weight.

Fence: rejected: `torch.nn.utils`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


class Work(torch.nn.Module):
    def forward(self, weight):
        torch.ones(256, 256) @ torch.ones(256, 256)
        return weight


def predict(question, runs, target, interpretation, prepared):
    layer = torch.nn.Linear(4, 4)
    torch.nn.utils.parametrize.register_parametrization(layer, "weight", Work(), unsafe=True)
    layer(torch.ones(1, 4))
    return torch.full((len(runs), 1), float(2 * 256**3))
