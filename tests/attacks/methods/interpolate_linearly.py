"""Multiplies by a band in the interpolation of images.

Fence: rejected: `torch.nn.functional.interpolate`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    image = torch.rand(4, 4, 256, 256)
    torch.nn.functional.interpolate(image, (512, 512), mode="bicubic")
    torch.nn.functional.interpolate(image, (8, 8), mode="bilinear", antialias=True)
    return torch.full((len(runs), 1), float(4 * 4 * (512**2 * 40 + 64 * 2 * 32**2)))
