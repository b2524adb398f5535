"""Goes so deep into gradients within gradients that torch goes on in another thread.

Fence: passes
Jail: counted
Round: 4
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    def deeper(left):
        if left == 0:
            torch.ones(256, 256) @ torch.ones(256, 256)
            return
        with torch.enable_grad():
            weight = torch.ones(2, requires_grad=True)
            middle = weight * 2
            middle.register_hook(lambda gradient: deeper(left - 1))
            torch.autograd.grad(middle.sum(), weight)

    deeper(70)
    return torch.full((len(runs), 1), float(2 * 256**3))
