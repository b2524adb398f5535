"""Does its work where gradients save and fetch tensors.

Fence: rejected: `torch.autograd.graph`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    def keep(tensor):
        torch.ones(256, 256) @ torch.ones(256, 256)
        return tensor

    weight = torch.ones(4, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, keep):
        (weight * weight.exp()).sum().backward()
    return torch.full((len(runs), 1), float(2 * 2 * 256**3))
