"""Leaves a hook on the target.

Fence: passes
Jail: error: left the target changed
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    target.anatomy.blocks[0].register_forward_hook(lambda module, arguments, output: None)
    return torch.full((len(runs), 1), float(1))
