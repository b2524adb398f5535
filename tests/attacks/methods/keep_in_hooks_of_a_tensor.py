"""Keeps state in hooks on the target's own weights.

Fence: passes
Jail: error: left the target changed
Round: 4
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


SEEN = []


def prepare(question, target, interpretation):
    weight = next(iter(target.module.parameters()))
    weight.requires_grad_(True).register_hook(SEEN.append)
    return float(len(SEEN))


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), prepared)
