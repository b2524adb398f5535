"""Gives a run a stream of many more tokens than it was charged for.

Fence: passes
Jail: error: must match the size of tensor
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    def hook(stream, positions):
        return stream.repeat(50, 1)

    target.run(runs, hooks={0: hook})
    return torch.ones(len(runs), 1)
