"""Returns an object of its own in the interpretation.

Fence: rejected: the special method `__reduce__`
Jail: error: data must be JSON
"""

import torch

from istar.methods import Interpretation


class Trap:
    def __reduce__(self):
        return open, ("@FOLDER@/unpickled", "w")


def interpret(target, corpus):
    return Interpretation({}, {"trap": Trap()})


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(0))
