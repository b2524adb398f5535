"""Does its work in a gradient's hook.

Fence: passes
Jail: counted
"""

import torch

from istar.methods import Interpretation


def work(gradient):
    torch.ones(256, 256) @ torch.ones(256, 256)
    return gradient


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    start = torch.ones(1, requires_grad=True)
    end = start * 1
    end.register_hook(work)
    end.sum().backward()
    return torch.full((len(runs), 1), float(2 * 256**3))
