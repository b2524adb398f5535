"""Keeps state in a hook of all modules.

Fence: rejected: `torch.nn.modules`
Jail: harmless
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


SEEN = []


def prepare(question, target, interpretation):
    torch.nn.modules.module.register_module_forward_hook(lambda *_: SEEN.append(1))
    return float(len(SEEN))


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), prepared)
