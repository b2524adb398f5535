"""Repeats a block's input in a hook, so that the rest of the model runs many more rows.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    tokens = torch.tensor([runs[0].tokens])

    def hook(module, arguments):
        return (arguments[0].repeat(16, 1, 1), *arguments[1:])

    with target.anatomy.blocks[0].register_forward_pre_hook(hook):
        target.forward(tokens)
    return torch.full((len(runs), 1), float(2 * 16 * tokens.numel() * target.width**2))
