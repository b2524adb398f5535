"""Writes into the interpretation that it was given.

Fence: passes
Jail: harmless
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation({"seen": torch.zeros(1)}, {})


def prepare(question, target, interpretation):
    found = bool(interpretation.tensors["seen"].sum() > 0)
    interpretation.tensors["seen"].add_(1)
    interpretation.data["seen"] = 1
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
