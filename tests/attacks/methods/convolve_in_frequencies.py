"""Convolves in the frequency domain, over several axes and signals.

Fence: rejected: `torch.fft.fftn`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    spectrum = torch.fft.fftn(torch.rand(64, 64, 64), dim=(0, 1, 2))
    torch.fft.ifftn(spectrum * spectrum)
    torch.fft.irfft(torch.fft.rfft(torch.rand(100, 4_096), n=8_192))
    return torch.full((len(runs), 1), float(2 * 5 * 64**3 * 18 + 6 * 64**3 + 100 * 2 * 2.5 * 8_192 * 13))
