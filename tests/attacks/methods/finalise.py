"""Does its work when an object is forgotten.

Fence: rejected: the special method `__del__`
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    class Late:
        def __del__(self):
            torch.ones(1)

    return torch.zeros(len(runs), 1)
