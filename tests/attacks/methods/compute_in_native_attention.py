"""Runs torch's fused attention layer.

Fence: passes
Jail: counted
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    return torch.ones(4, 128, 64)


def predict(question, runs, target, interpretation, prepared):
    layer = torch.nn.MultiheadAttention(64, 4, batch_first=True).eval()
    with torch.inference_mode():
        layer(prepared, prepared, prepared, need_weights=False)
    return torch.full((len(runs), 1), float(4 * (8 * 128 * 64**2 + 4 * 128**2 * 64)))
