"""Takes a selection of the structure, which might give arrays of numpy.

Fence: passes
Jail: harmless
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    part = question.structure.take([0])
    values = part[part.columns[0].name]
    return torch.full((len(runs), 1), float(not isinstance(values, tuple)))
