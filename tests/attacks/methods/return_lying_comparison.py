"""Returns an object that says it is finite and equal to everything.

Fence: rejected: the special method `__eq__`
Jail: error: of another class
"""

import torch

from istar.methods import Interpretation


class Liar(torch.Tensor):
    def __eq__(self, other):
        return True

    def isfinite(self):
        return torch.ones(self.shape, dtype=torch.bool)


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float("nan")).as_subclass(Liar)
