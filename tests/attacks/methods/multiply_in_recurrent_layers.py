"""Multiplies in recurrent layers.

Fence: rejected: `torch.nn.GRU`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    sequence = torch.ones(128, 8, 64)
    for kind, gates in ((torch.nn.LSTM, 4), (torch.nn.GRU, 3), (torch.nn.RNN, 1)):
        kind(64, 64)(sequence)
    return torch.full((len(runs), 1), float((4 + 3 + 1) * 128 * 8 * 2 * 2 * 64**2))
