"""Multiplies as transposed, grouped and dilated convolutions.

Fence: rejected: `torch.nn.functional.conv_transpose1d`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    signals = torch.ones(8, 64, 256)
    torch.nn.functional.conv1d(signals, torch.ones(64, 8, 16), groups=8, dilation=3)
    torch.nn.functional.conv_transpose1d(signals, torch.ones(64, 8, 16), groups=8, stride=2)
    return torch.full((len(runs), 1), float(8 * 64 * 2 * 8 * 16 * (211 + 256)))
