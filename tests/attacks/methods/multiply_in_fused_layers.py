"""Multiplies in a whole layer that torch fuses.

Fence: rejected: `torch.nn.TransformerEncoderLayer`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    layer = torch.nn.TransformerEncoderLayer(64, 4, 256, batch_first=True).eval()
    with torch.no_grad():
        layer(torch.ones(8, 128, 64))
    return torch.full((len(runs), 1), float(8 * 128 * 2 * (4 * 64**2 + 2 * 64 * 256)))
