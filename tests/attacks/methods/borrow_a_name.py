"""Names refused attributes in a class of its own, and then takes them from tensors.

Fence: passes
Jail: error: closed to methods
Round: 2
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


class Own:
    numpy: int = 1
    untyped_storage: int = 1


def predict(question, runs, target, interpretation, prepared):
    array = torch.ones(256, 256).numpy()
    return torch.full((len(runs), 1), float((array @ array)[0, 0]))
