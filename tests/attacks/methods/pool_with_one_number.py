"""Names one side of a square window, of which the other is the same.

Fence: rejected: `torch.nn.functional.avg_pool2d`
Jail: counted
Round: 2
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.nn.functional.avg_pool2d(torch.rand(1, 1, 256, 256), (16,), 1)
    torch.nn.functional.max_pool2d(torch.rand(1, 1, 256, 256), (16,), 1)
    return torch.full((len(runs), 1), float(2 * 241**2 * 256))
