"""Takes memory without end, in tensors.

Fence: passes
Jail: error: alloc|memory
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    hoard = [torch.ones(2**24) for _ in range(1000)]
    return hoard[0][:1].expand(len(runs), 1)
