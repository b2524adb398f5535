"""Returns a tensor whose numbers are elsewhere.

Fence: rejected: the attribute `to_sparse`
Jail: error: no price for the operation
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1).to_sparse()
