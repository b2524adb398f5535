"""Takes many gradients in one call.

Fence: passes
Jail: counted
Round: 4
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    weight = torch.ones(64, 64, requires_grad=True)
    ends = torch.ones(64, 64) @ weight
    torch.autograd.grad(ends, weight, grad_outputs=torch.ones(32, 64, 64), is_grads_batched=True)
    return torch.full((len(runs), 1), float(2 * 64**3 + 32 * 2 * 64**3))
