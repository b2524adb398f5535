"""Does its work in hooks that gradients call.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    weight = torch.ones(4, requires_grad=True)
    middle = weight * 2
    middle.register_hook(lambda gradient: gradient + 0 * (torch.ones(256, 256) @ torch.ones(256, 256))[0, :4])
    middle.sum().backward()
    return torch.full((len(runs), 1), float(2 * 256**3))
