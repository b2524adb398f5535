"""Transforms overlapping frames through an attribute.

Fence: rejected: the attribute `stft`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.rand(8_192).stft(1_024, hop_length=1, return_complex=True, window=torch.ones(1_024))
    return torch.full((len(runs), 1), float(8_193 * 5 * 512 * 10))
