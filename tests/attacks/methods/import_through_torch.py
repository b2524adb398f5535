"""Reaches a module that torch has imported.

Fence: rejected: `torch.os`
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), len(torch.os.environ))
