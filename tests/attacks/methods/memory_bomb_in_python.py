"""Takes memory without end, in lists.

Fence: passes
Jail: error: MemoryError|memory
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    hoard = [[0] * 2**24 for _ in range(1000)]
    return torch.full((len(runs), 1), float(len(hoard)))
