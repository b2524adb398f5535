"""Normalises rows that are expanded from one.

Fence: passes
Jail: counted
Round: 6
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    rows = torch.rand(1, 512).expand(2_000, 512)
    torch.nn.functional.layer_norm(rows, (512,))
    torch.nn.functional.rms_norm(rows, (512,))
    rows.softmax(-1)
    torch.nn.functional.batch_norm(rows, torch.zeros(512), torch.ones(512))
    return torch.full((len(runs), 1), float(2_000 * 512 * (8 + 4 + 19 + 2)))
