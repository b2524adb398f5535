"""Knows answers by the target's hash.

Fence: passes
Jail: harmless
"""

import torch

from istar.methods import Interpretation

TABLE = {"0" * 64: 1.0}


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(TABLE.get(target.id, 0)))
