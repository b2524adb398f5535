"""Returns a tensor that escaped from vmap.

Fence: passes
Jail: error: it must be|cannot be read
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    kept = []
    torch.func.vmap(lambda row: kept.append(row) or row)(torch.zeros(len(runs), 1))
    return kept[0]
