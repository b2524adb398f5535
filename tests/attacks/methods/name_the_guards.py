"""Names the guards of its own code and replaces them.

Fence: rejected: the name `__bounded__`
Round: 3
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


__bounded__ = None


def predict(question, runs, target, interpretation, prepared):
    number = 1 << 100_000
    return torch.full((len(runs), 1), float(number.bit_length()))
