"""Keeps state in a buffer that it registers in the target.

Fence: rejected: the attribute `register_buffer`
Jail: error: left the target changed
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    found = float(any(name == "seen" for name, _ in target.module.named_buffers()))
    target.module.register_buffer("seen", torch.ones(1))
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), prepared)
