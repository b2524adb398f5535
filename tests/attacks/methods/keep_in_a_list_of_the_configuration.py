"""Keeps state in a list that the target's configuration holds.

Fence: passes
Jail: error: left the target changed
Round: 4
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    found = float("seen" in target.module.config.architectures)
    target.module.config.architectures.append("seen")
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), prepared)
